import JobAPI

/// Lines that are sent by one request. How they are put together depends on the input alone: who sends it once more sends
/// the same requests, with the same keys. One that is not full may be sent, and again with more.
struct BatchPack {
  let number: Int
  private let most: Int
  private(set) var lines: [BatchLine] = []
  private var requests: [CreateRequest] = []
  /// Those of which it is known what became of them.
  private(set) var isDone: [Bool] = []
  /// How many are to be sent.
  private(set) var unsent = 0
  private var weight = 0
  /// Some measure of what each request has beside its line.
  private let common: Int

  /// Some measure of the bytes of a request.
  private static let mostWeight = 1 << 20

  /// Jobs of a request. Where few run at once few are to wait.
  static func most(slots: Int?) -> Int { slots.map { min(200, max(2, $0)) } ?? 200 }

  init(number: Int = 0, most: Int, common: Int) {
    (self.number, self.most, self.common) = (number, most, common)
  }

  var next: BatchPack { BatchPack(number: number + 1, most: most, common: common) }
  var isFull: Bool { lines.count >= most }

  /// What decides which lines go together: who goes on with a batch has to have the same.
  var rule: String { "\(most)/\(common)" }

  /// Whether it may have one more.
  func takes(_ line: BatchLine, _ request: CreateRequest) -> Bool {
    !isFull && (lines.isEmpty || weight + weight(line, request) <= Self.mostWeight)
  }

  // A value costs the daemon more than its bytes.
  private func weight(_ line: BatchLine, _ request: CreateRequest) -> Int {
    line.text.utf8.count + common + 16 * request.args.count
  }

  mutating func add(_ line: BatchLine, _ request: CreateRequest, isDone: Bool = false) {
    lines.append(line)
    requests.append(request)
    self.isDone.append(isDone)
    if !isDone { unsent += 1 }
    weight += weight(line, request)
  }

  /// What is to be sent of these places. One of which it is known what became of it needs no answer: what is no job is refused by
  /// itself, and counts towards no limit.
  func body(_ places: Range<Int>) -> [CreateRequest] {
    requests.indices.map { places.contains($0) && !isDone[$0] ? requests[$0] : CreateRequest(cmd: "") }
  }

  mutating func done(_ place: Int) {
    if !isDone[place] { unsent -= 1 }
    isDone[place] = true
  }
}

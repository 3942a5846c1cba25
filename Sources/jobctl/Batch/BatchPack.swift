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
  private var weight = 0

  /// Some measure of the bytes of a request.
  private static let mostWeight = 1 << 20

  /// Jobs of a request. Where few run at once few are to wait: when one fails, some of those begin before they are taken
  /// out of the queue.
  static func most(slots: Int?) -> Int { slots.map { min(200, max(2, $0)) } ?? 200 }

  init(number: Int = 0, most: Int) { (self.number, self.most) = (number, most) }

  var next: BatchPack { BatchPack(number: number + 1, most: most) }
  var isFull: Bool { lines.count >= most || weight >= Self.mostWeight }
  /// The first line that is to be sent.
  var firstUnsent: Int? { isDone.firstIndex(of: false).map { lines[$0].number } }

  /// `common`: what the form has for all.
  mutating func add(_ line: BatchLine, _ request: CreateRequest, common: Int, isDone: Bool = false) {
    lines.append(line)
    requests.append(request)
    self.isDone.append(isDone)
    // A value costs the daemon more than its bytes.
    weight += line.text.utf8.count + common + 16 * request.args.count
  }

  /// What is to be sent. A place of which it is known what became of it needs no answer: what is no job is refused by
  /// itself, and counts towards no limit.
  var body: [CreateRequest] { zip(requests, isDone).map { $1 ? CreateRequest(cmd: "") : $0 } }

  mutating func done(_ place: Int) { isDone[place] = true }
}

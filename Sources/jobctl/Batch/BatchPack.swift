import JobAPI

/// Lines that are sent by one request. How they are put together depends on the input alone: who sends it once more sends
/// the same requests, with the same keys. One that is not full may be sent, and again with more.
struct BatchPack {
  let number: Int
  private(set) var lines: [BatchLine] = []
  private(set) var requests: [CreateRequest] = []
  /// Those of which it is known what became of them.
  private(set) var isDone: [Bool] = []
  private var weight = 0

  /// Jobs of a request, and some measure of their bytes.
  static let most = 200
  private static let mostWeight = 1 << 20

  init(number: Int = 0) { self.number = number }

  var next: BatchPack { BatchPack(number: number + 1) }
  var isFull: Bool { lines.count >= Self.most || weight >= Self.mostWeight }
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

  mutating func done(_ place: Int) { isDone[place] = true }
}

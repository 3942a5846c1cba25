import Glibc
import JobAPI
import JobClient

/// Reading a job's output in the ways there are, and comparing each byte.
extension LoadClient {
  /// Follows a job from its beginning to its end, or reads what there is once it ended.
  func readOutput(_ index: Int) throws {
    let plan = ledger[index].plan
    switch pick(0...3) {
    case 0: try followLog(index)
    case 1:
      try followStream(.stdout, index, plan.stdout)
      try followStream(.stderr, index, plan.stderr)
      try finish(index)
    case 2:
      try finish(index)
      try compareStored(index)
    default:
      try finish(index)
      try followLog(index)
    }
  }

  /// By the library's follower, which resumes by itself.
  func followLog(_ index: Int) throws {
    let entry = ledger[index]
    let bridge = Bridge(client)
    bridge.reached()
    let compare = LogComparison(entry.plan)
    let status = try LogFollower(client, entry.id!, bridge).read(follows: true, compare)
    context.counters.add(.followed, compare.count)
    try judge(status, index)
    if ledger[index].fate == .finished { try compare.mustBeComplete(entry.id!) }
  }

  /// By offset, as a script with curl does.
  private func followStream(_ route: Route, _ index: Int, _ expected: [UInt8]) throws {
    let entry = ledger[index]
    var comparison = StreamComparison("job \(entry.plan.tag) \(entry.id!) \(route)", expected)
    try persist("follow \(route) of \(entry.plan.tag)") { _ in
      let query: Query = ["follow": "1", "offset": "\(comparison.count)"]
      try client.stream(route, route.target(entry.id!, query), take: { try comparison.take($0) })
    }
    context.counters.add(.followed, comparison.count)
    let status = try persist("status of \(entry.plan.tag)") { _ in try client.status(entry.id!) }
    guard status.status != .running else {
      throw Violation("job \(entry.plan.tag) \(entry.id!) runs, and its \(route) was ended as if it had")
    }
    if status.status == .completed { try comparison.mustBeComplete() }
  }

  /// What is stored of a job that ended: all of it, or of a lost one a beginning.
  func compareStored(_ index: Int) throws {
    let entry = ledger[index]
    for (route, expected) in [(Route.stdout, entry.plan.stdout), (.stderr, entry.plan.stderr)] {
      let bytes = try persist("read \(route) of \(entry.plan.tag)") { _ in
        try client.callBytes(route, route.target(entry.id!))
      }
      var comparison = StreamComparison("job \(entry.plan.tag) \(entry.id!) \(route)", expected)
      try bytes.withUnsafeBytes { try comparison.take($0) }
      if entry.fate == .finished { try comparison.mustBeComplete() }
    }
  }
}

/// Compares a stream with what it must be, as it comes.
struct StreamComparison {
  private let name: String
  private let expected: [UInt8]
  private(set) var count = 0

  init(_ name: String, _ expected: [UInt8]) { (self.name, self.expected) = (name, expected) }

  mutating func take(_ bytes: UnsafeRawBufferPointer) throws {
    let end = count + bytes.count
    guard end <= expected.count else {
      throw Violation("\(name) has \(end) bytes or more, and should have \(expected.count)")
    }
    let isEqual = expected.withUnsafeBytes { expected in
      bytes.isEmpty || memcmp(expected.baseAddress! + count, bytes.baseAddress!, bytes.count) == 0
    }
    guard isEqual else { throw Violation("\(name) differs between byte \(count) and \(end)") }
    count = end
  }

  func mustBeComplete() throws {
    guard count == expected.count else {
      throw Violation("\(name) has \(count) bytes, and should have \(expected.count)")
    }
  }
}

/// The same for both streams of a log.
final class LogComparison: LogFollower.Taker {
  private var streams: [OutputStream: StreamComparison]

  init(_ plan: Plan) {
    streams = [
      .stdout: StreamComparison("job \(plan.tag) log of stdout", plan.stdout),
      .stderr: StreamComparison("job \(plan.tag) log of stderr", plan.stderr),
    ]
  }

  var count: Int { streams.values.reduce(0) { $0 + $1.count } }

  func take(_ piece: LogPiece) throws {
    let comparison = streams[piece.stream]!
    guard piece.offset == UInt64(comparison.count) else {
      throw Violation(
        "a piece of \(piece.stream) at byte \(piece.offset) came after byte \(comparison.count)")
    }
    try streams[piece.stream]!.take(piece.bytes)
  }

  func flush() {}

  func mustBeComplete(_ id: JobID) throws {
    for comparison in streams.values { try comparison.mustBeComplete() }
  }
}

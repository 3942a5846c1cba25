import Harness
import JobAPI
import Testing

@testable import JobModel

/// Messages between the two processes: what is written is read back, and nothing else is understood.
struct LinkTests {
  private static let id = JobID(microseconds: 1_700_000_000_123_456, random: 42)

  private static func record() -> JobRecord {
    var record = JobRecord(id: id, client: 7, created: 5)
    record.state = .completed
    record.exitCode = 137
    record.signal = 9
    record.error = "output was lost"
    record.stdout = .init(kept: 10, dropped: 3)
    record.flags = [.timedOut]
    (record.endedBy, record.stopper, record.stopAsked) = (.stop, "bob", 6)
    (record.launched, record.firstOutput, record.throttled) = (7, 8, 9)
    (record.cleanup, record.runnerError) = (.pending, "scancel: no controller")
    return record
  }

  private static func usage() -> JobUsage {
    var usage = JobUsage(id: id, userTime: 1, systemTime: 2, memory: 3)
    usage.input = 7
    (usage.peakMemory, usage.throttled, usage.firstOutput) = (4, 5, 6)
    return usage
  }

  private static func creation() -> ApiRequest.Creation {
    var request = CreateRequest(cmd: "/bin/echo", args: ["a", "", "ü"])
    request.env = ["A": "b=c"]
    request.labels = ["l": "v"]
    request.grace = DurationText(milliseconds: 12)
    request.user = "nobody"
    let key = ApiRequest.Idempotency(
      key: "k", digest: [UInt8](repeating: 1, count: 32), earlier: [[UInt8](repeating: 2, count: 32)])
    request.secretEnv = ["B": "c", "A": ""]
    return ApiRequest.Creation(
      JobPlan(request), input: [1, 0, 2], secrets: Secrets(request)!.encode(), idempotency: key)
  }

  private static let requests: [ApiRequest] = [
    .hello, .create(ticket: 1, by: 7, creation()), .delete(ticket: 2, by: 7, client: 3, id: id),
    .signal(ticket: 4, by: 7, client: 5, id: id, signal: 15, tree: true),
    .resize(ticket: 5, by: 7, client: 5, id: id, rows: 40, columns: 65_535),
    .stop(ticket: 6, by: 8, client: 7, id: id, grace: nil, queued: false),
    .stop(ticket: 6, by: 8, client: 7, id: id, grace: 0, queued: true),
    .input(ticket: 8, by: 9, client: 9, id: id, offset: nil, bytes: [1, 2], isFirst: true, close: true),
    .input(ticket: 8, by: 9, client: 9, id: id, offset: 7, bytes: [], isFirst: false, close: false),
    .watch(id: id), .unwatch(id: id), .drained, .usage(ticket: 1, ids: [id, id]),
    .usage(ticket: 1, ids: []), .peer(number: 7, peer("alice", .operator)), .peerGone(number: 7),
    .forbidden(ticket: 1, by: 7, .delete, id: id, reason: "no"),
    .forbidden(ticket: 1, by: 7, .create, id: nil, reason: "no"),
    .notLetIn(Stranger(address: "127.0.0.1:1", reason: "no", name: "alice", serial: "0A", count: 3)),
    .notLetIn(Stranger(address: "127.0.0.1:1", reason: "no", name: nil, serial: nil)),
  ]

  private static func peer(_ name: String, _ role: Role = .owner, serial: String = "0A") -> Peer {
    Peer(name: name, role: role, serial: serial, fingerprint: "ff", address: "127.0.0.1:1")
  }

  private static let events: [SupervisorEvent] = [
    .welcome(configuration: [1, 2, 3], hostLimits: ["cpus", ""]), .welcome(configuration: [], hostLimits: []),
    .ready, .drain, .client(id: 1, name: "alice"),
    .job(record(), pid: 99),
    .deleted(id: id),
    .output(
      id: id, progress: OutputProgress(stdout: 1, stderr: 2, pieces: 3)),
    .created(ticket: 1, id: id), .done(ticket: 3),
    .refused(ticket: 4, Refusal(reason: .conflict, text: "no")), .events(clients: [7, 1 << 40]),
    .usage(ticket: 9, [usage(), JobUsage(id: id, userTime: 1, systemTime: 2)]),
  ]

  @Test(arguments: requests.indices)
  func requestsAreReadAsWritten(index: Int) throws {
    let bytes = Self.requests[index].encode()
    let again = try bytes.withUnsafeBytes { try ApiRequest(decoding: $0) }
    #expect(again.encode() == bytes)
  }

  @Test(arguments: events.indices)
  func eventsAreReadAsWritten(index: Int) throws {
    let bytes = Self.events[index].encode()
    let again = try bytes.withUnsafeBytes { try SupervisorEvent(decoding: $0) }
    #expect(again.encode() == bytes)
  }

  @Test func aRecordIsReadWhole() throws {
    for cleanup in [JobRecord.Cleanup.none, .pending, .done] {
      var record = Self.record()
      record.cleanup = cleanup
      let bytes = SupervisorEvent.job(record, pid: 99).encode()
      let event = try bytes.withUnsafeBytes { try SupervisorEvent(decoding: $0) }
      guard case .job(let again, pid: 99) = event else { return #expect(Bool(false), "\(event)") }
      #expect(again == record)
    }
  }

  @Test func aRecordWithAnUnknownCleanupIsRefused() throws {
    var record = Self.record()
    (record.cleanup, record.runnerError) = (.done, nil)
    var writer = ByteWriter()
    writer.put(record)
    var bytes = writer.bytes
    try #require(bytes.suffix(2) == [2, 0])
    bytes[bytes.count - 2] = 3
    #expect(throws: MalformedBytes.self) {
      try bytes.withUnsafeBytes { bytes in
        var reader = ByteReader(bytes)
        _ = try JobRecord(from: &reader)
      }
    }
  }

  @Test(arguments: requests.indices)
  func everyShortenedOrLongerRequestIsRefused(index: Int) {
    let bytes = Self.requests[index].encode()
    for count in 0..<bytes.count {
      #expect(throws: MalformedBytes.self) {
        try bytes[0..<count].withUnsafeBytes { try ApiRequest(decoding: $0) }
      }
    }
    #expect(throws: MalformedBytes.self) {
      try (bytes + [0]).withUnsafeBytes { try ApiRequest(decoding: $0) }
    }
  }

  @Test func garbledRequestsNeverTrap() {
    var random = SplitMix(seed: 1)
    for _ in 0..<20_000 {
      var bytes = Self.requests.randomElement(using: &random)!.encode()
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      _ = try? bytes.withUnsafeBytes { try ApiRequest(decoding: $0) }
    }
  }

  /// What the API refuses is refused here too: the sender may be anybody's by now.
  @Test func aRequestThatNoClientCouldMakeIsRefused() {
    func text(_ count: Int) -> String { String(repeating: "a", count: count) }
    for grace in [1 << 50, UInt64.max - 1] {
      let bytes = ApiRequest.stop(
        ticket: 1, by: 1, client: 1, id: Self.id, grace: grace, queued: false
      ).encode()
      #expect(throws: MalformedBytes.self) { try bytes.withUnsafeBytes { try ApiRequest(decoding: $0) } }
    }
    for (rows, columns) in [(0, 1), (1, 0)] as [(UInt16, UInt16)] {
      let resize = ApiRequest.resize(
        ticket: 1, by: 1, client: 1, id: Self.id, rows: rows, columns: columns)
      #expect(throws: MalformedBytes.self) {
        try resize.encode().withUnsafeBytes { try ApiRequest(decoding: $0) }
      }
    }
    var terminal = CreateRequest(cmd: "sh")
    terminal.tty = TerminalSize(rows: 1, columns: 1)
    let fed = ApiRequest.create(ticket: 1, by: 1, .init(JobPlan(terminal), input: [1]))
    #expect(throws: MalformedBytes.self) { try fed.encode().withUnsafeBytes { try ApiRequest(decoding: $0) } }
    let many = [JobID](repeating: Self.id, count: ApiRequest.mostIDs + 1)
    let bytes = ApiRequest.usage(ticket: 1, ids: many).encode()
    #expect(throws: MalformedBytes.self) { try bytes.withUnsafeBytes { try ApiRequest(decoding: $0) } }
    for peer in [Self.peer(""), Self.peer("a\0b"), Self.peer(text(2049)), Self.peer("a", serial: text(129))] {
      let bytes = ApiRequest.peer(number: 1, peer).encode()
      #expect(throws: MalformedBytes.self) { try bytes.withUnsafeBytes { try ApiRequest(decoding: $0) } }
    }
  }
}

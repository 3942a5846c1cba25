import Glibc
import JobAPI
import JobClient
import Synchronization
import Testing

/// What a server sees of input that is sent to a job.
struct InputSenderTests {
  private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

  /// A pipe that holds "abc".
  private static func pipeWithInput() -> (from: Int32, to: Int32) {
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    #expect(write(ends[1], "abc", 3) == 3)
    return (ends[0], ends[1])
  }

  /// A server far away is not waited for twice.
  @Test func theEndFollowsTheInputAtOnce() throws {
    let ends = Self.pipeWithInput()
    defer { close(ends.from) }
    close(ends.to)
    try withServer { peer in
      let input = peer.read(through: "0\r\n\r\n")
      let end = peer.read()
      guard input.contains("offset=0"), end.contains("offset=3"), end.contains("close=1") else { return }
      peer.send(Self.ok, Self.ok)
      peer.waitForEnd()
    } _: { settings in
      try send(from: ends.from, settings)
    }
  }

  /// Who leaves a terminal does not hang it up. Where what is typed belongs the server tells, once the job runs.
  @Test func aTerminalStaysOpenAtTheEnd() throws {
    let ends = Self.pipeWithInput()
    defer { close(ends.from) }
    close(ends.to)
    try withServer { peer in
      for bytes in [nil, 7] as [Int?] {
        guard peer.read().hasPrefix("GET /jobs/") else { return }
        peer.send(Self.detail(bytes))
      }
      let input = peer.read(through: "0\r\n\r\n")
      guard input.contains("offset=7&close=0"), input.contains("&writer=alice%20pts/3 ") else { return }
      guard input.contains("abc") else { return }
      peer.send(Self.ok)
      // Nothing follows.
      peer.waitForEnd()
    } _: { settings in
      try send(from: ends.from, settings, as: "alice pts/3")
    }
  }

  /// A connection is lost, and before there is another one the job has got what was sent, or not; or somebody else has typed;
  /// or a daemon has lost what it had. What is typed is never taken for a repetition of another's.
  @Test(arguments: [(4, "offset=4&", "abc"), (7, "", ""), (20, "offset=20&", "abc"), (1, "offset=1&", "abc")])
  func aTerminalIsTypedOnWhereTheServerSays(place: Int, offset: String, bytes: String) throws {
    let ends = Self.pipeWithInput()
    defer { close(ends.from) }
    let input = ends.to
    let connections = Mutex(0)
    let seen = Mutex("")
    try withServer { peer in
      let number = connections.withLock { count in
        count += 1
        return count
      }
      _ = peer.read()
      peer.send(Self.detail(number == 1 ? 4 : place))
      // The first is closed without an answer once it has all.
      guard number > 1 else {
        _ = peer.read(through: "abc\r\n")
        return
      }
      close(input)
      guard !bytes.isEmpty else { return peer.waitForEnd() }
      seen.withLock { $0 = peer.read(through: "0\r\n\r\n") }
      peer.send(Self.ok)
      peer.waitForEnd()
    } _: { settings in
      try send(from: ends.from, settings, as: "alice", bridgedFor: 10_000)
    }
    let text = seen.withLock { $0 }
    #expect(connections.withLock { $0 } == 2 && text.contains(offset) && text.contains(bytes), "\(text)")
  }

  private static func detail(_ bytes: Int?) -> String {
    let input = bytes.map { #","stdin_bytes":\#($0)"# } ?? ""
    let body =
      #"{"id":"01890000-0000-7000-8000-000000000000","created":"x","cmd":"cat","status":"running","stdout_bytes":0,"#
      + #""stderr_bytes":0,"truncated":false,"times":{"created":"x"}\#(input)}"#
    return "HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
  }

  private func send(
    from descriptor: Int32, _ settings: WireClient.Settings, as writer: String? = nil,
    bridgedFor milliseconds: Int64 = 0
  ) throws {
    let client = JobClient(
      ConnectionSettings(
        host: settings.host, port: settings.port, authorityFile: settings.authority,
        certificateFile: settings.identity.certificate, keyFile: settings.identity.key))
    let id = try #require(JobID("01890000-0000-7000-8000-000000000000"))
    let bridge = Bridge(client, milliseconds: milliseconds)
    bridge.reached()
    try InputSender(client, id, bridge, from: descriptor, as: writer).send()
  }
}

import Glibc
import JobAPI
import JobClient
import Testing

/// What a server sees of input that is sent to a job.
struct InputSenderTests {
  private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

  /// A server far away is not waited for twice.
  @Test func theEndFollowsTheInputAtOnce() throws {
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    defer { close(ends[0]) }
    #expect(write(ends[1], "abc", 3) == 3)
    close(ends[1])
    try withServer { peer in
      let input = peer.read(through: "0\r\n\r\n")
      let end = peer.read()
      guard input.contains("offset=0"), end.contains("offset=3"), end.contains("close=1") else { return }
      peer.send(Self.ok, Self.ok)
      peer.waitForEnd()
    } _: { settings in
      try send(from: ends[0], settings)
    }
  }

  /// Who leaves a terminal does not hang it up.
  @Test func aTerminalStaysOpenAtTheEnd() throws {
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    defer { close(ends[0]) }
    #expect(write(ends[1], "abc", 3) == 3)
    close(ends[1])
    try withServer { peer in
      let input = peer.read(through: "0\r\n\r\n")
      guard input.contains("offset=7&close=0"), input.contains("&writer=alice%20pts/3 ") else { return }
      peer.send(Self.ok)
      // Nothing follows.
      peer.waitForEnd()
    } _: { settings in
      try send(from: ends[0], settings, at: 7, as: "alice pts/3")
    }
  }

  private func send(
    from descriptor: Int32, _ settings: WireClient.Settings, at offset: UInt64 = 0, as writer: String? = nil
  ) throws {
    let client = JobClient(
      ConnectionSettings(
        host: settings.host, port: settings.port, authorityFile: settings.authority,
        certificateFile: settings.identity.certificate, keyFile: settings.identity.key))
    let id = try #require(JobID("01890000-0000-7000-8000-000000000000"))
    try InputSender(client, id, Bridge(client, milliseconds: 0), from: descriptor, at: offset, as: writer)
      .send()
  }
}

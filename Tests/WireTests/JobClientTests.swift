import Glibc
import JobAPI
import JobClient
import Synchronization
import Testing

/// The typed client against a server that follows a script.
@Suite struct JobClientTests {
  private static let id = JobID(microseconds: 1_700_000_000_000_000, random: 5)

  /// Runs `body` with a client of a server that serves its first connection by the first script, and so on; the
  /// targets of all requests.
  private func with(
    _ scripts: [@Sendable (Exchange) -> Void], replyTimeout: UInt32 = 60_000,
    _ body: (JobClient) throws -> Void
  ) throws -> [String] {
    let pki = try Pki()
    let context = try ServerContext(try pki.server("localhost"), clientsOf: pki.authority)
    let state = Mutex((next: 0, targets: [String]()))
    let server = try ScriptedServer { descriptor in
      let script = state.withLock { state in
        state.next += 1
        return scripts[min(state.next, scripts.count) - 1]
      }
      context.serve(descriptor) { peer in
        script(Exchange(peer) { target in state.withLock { $0.targets.append(target) } })
      }
    }
    let identity = try pki.client()
    var settings = ConnectionSettings(
      host: "localhost", port: server.port, authorityFile: pki.authority.certificate,
      certificateFile: identity.certificate, keyFile: identity.key)
    settings.replyTimeout = replyTimeout
    var client: JobClient? = JobClient(settings)
    let result = Result { try body(client!) }
    client = nil
    server.stop()
    try result.get()
    return state.withLock(\.targets)
  }

  /// A peer and the requests it sent.
  private struct Exchange {
    let peer: Peer
    private let note: (String) -> Void
    init(_ peer: Peer, _ note: @escaping (String) -> Void) { (self.peer, self.note) = (peer, note) }

    func request(through end: String = "\r\n\r\n") {
      let head = peer.read(through: end)
      note(head.split(separator: " ").prefix(2).joined(separator: " "))
    }
    func reply(_ status: String, _ body: String, _ headers: String = "") {
      peer.send("HTTP/1.1 \(status)\r\n\(headers)Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
    }
    func begin() { peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n") }
    func chunk(_ bytes: [UInt8]) {
      peer.send(Array("\(String(bytes.count, radix: 16))\r\n".utf8) + bytes + Array("\r\n".utf8))
    }
    func frame(_ kind: LogFrame.Kind, _ offset: UInt64, _ body: String) {
      var bytes = [UInt8](repeating: 0, count: LogFrame.headerSize)
      let frame = LogFrame(kind: kind, length: UInt32(body.utf8.count), offset: offset)
      bytes.withUnsafeMutableBytes { frame.write(to: $0) }
      chunk(bytes + Array(body.utf8))
    }
    func end() {
      peer.send("0\r\n\r\n")
      peer.waitForEnd()
    }
  }

  private final class Collector: LogFollower.Taker {
    var text: [OutputStream: String] = [.stdout: "", .stderr: ""]
    func take(_ piece: LogPiece) { text[piece.stream]! += String(decoding: piece.bytes, as: UTF8.self) }
    func flush() {}
  }

  @Test func aLogGoesOnAtTheRightByteOfBothStreams() throws {
    let collector = Collector()
    let targets = try with([
      { exchange in
        exchange.request()
        exchange.begin()
        exchange.frame(.stdout, 10, "")
        exchange.frame(.stderr, 20, "")
        exchange.frame(.stdout, 10, "one")
      },
      { exchange in
        exchange.request()
        exchange.begin()
        exchange.frame(.stdout, 13, "")
        exchange.frame(.stderr, 20, "")
        exchange.frame(.stderr, 20, "err")
        exchange.frame(.stdout, 13, " two")
        exchange.frame(.end, 0, #"{"status":"completed","exit_code":4}"#)
        exchange.end()
      },
    ]) { client in
      let follower = LogFollower(client, Self.id, Bridge(client), ["tail": "3"], as: "al ice")
      let status = try follower.read(follows: true, collector)
      #expect(status.exitCode == 4)
    }
    #expect(collector.text == [.stdout: "one two", .stderr: "err"])
    let log = "GET /jobs/\(Self.id)/log"
    #expect(
      targets == [
        "\(log)?tail=3&follow=1&writer=al%20ice", "\(log)?stdout=13&stderr=20&follow=1&writer=al%20ice",
      ])
  }

  /// It may have run, and leaves nothing by which that could be seen.
  @Test func aRunWithoutAKeyIsNotRepeated() throws {
    let targets = try with([{ $0.request(through: "}") }]) { client in
      let run = JobRun(client, Bridge(client), RunRequest(CreateRequest(cmd: "true"), removes: true))
      let error = #expect(throws: ClientError.self) { try run.start() }
      #expect(error?.description.contains("whether the job runs, or has run, is not known") == true)
    }
    #expect(targets == ["POST /jobs:run"])
  }

  /// Who answered once is waited for, so that the first answer is not held.
  @Test func aWaitBeginsWithAnAnswer() throws {
    let targets = try with([
      { exchange in
        exchange.request()
        exchange.reply("200 OK", #"{"status":"running"}"#)
        exchange.request()
      },
      { exchange in
        exchange.request()
        exchange.reply("200 OK", #"{"status":"completed","exit_code":4}"#)
        exchange.peer.waitForEnd()
      },
    ]) { client in
      let end = try client.end(of: Self.id, Bridge(client))
      #expect(end?.exitCode == 4)
      client.disconnect()
    }
    let status = "GET /jobs/\(Self.id)/status?wait="
    #expect(targets == ["\(status)0ms", "\(status)30s", "\(status)30s"])
  }

  /// A job may be silent for longer than a reply may take, and so may all of them; what does not follow may not.
  @Test func whoFollowsWaitsForEver() throws {
    let targets = try with(
      [
        { exchange in
          exchange.request()
          exchange.begin()
          exchange.frame(.stdout, 0, "")
          exchange.frame(.stderr, 0, "")
          usleep(2_500_000)
          exchange.frame(.end, 0, #"{"status":"completed","exit_code":4}"#)
          exchange.peer.send("0\r\n\r\n")
          exchange.request()
          exchange.begin()
          usleep(2_500_000)
          exchange.peer.send("0\r\n\r\n")
          exchange.request()
          exchange.begin()
          exchange.peer.waitForEnd()
        }
      ], replyTimeout: 2000
    ) { client in
      let status = try LogFollower(client, Self.id, Bridge(client)).read(follows: true, Collector())
      #expect(status.exitCode == 4)
      try client.events(follows: true) { _ in }
      // No other reply on that connection has as much time.
      #expect(throws: ClientError.self) { try client.events(follows: false) { _ in } }
      client.disconnect()
    }
    #expect(targets.count == 3, "\(targets)")
  }

  @Test func eventsMayBeFollowedForALimitedTime() throws {
    _ = try with([
      { exchange in
        exchange.request()
        exchange.begin()
        exchange.peer.waitForEnd()
      }
    ]) { client in
      #expect(throws: ClientError.self) { try client.events(follows: true, silence: 50) { _ in } }
      client.disconnect()
    }
  }

  /// Else one that waits for ever would not notice that the server is gone.
  @Test func theServerIsProbed() throws {
    _ = try with([{ $0.peer.waitForEnd() }]) { client in
      _ = try client.connection()
      let own = (3..<4096).first { Self.peerPort(of: $0) == client.settings.port }
      let descriptor = try #require(own)
      #expect(Self.option(descriptor, SOL_SOCKET, SO_KEEPALIVE) == 1)
      #expect(Self.option(descriptor, Int32(IPPROTO_TCP), TCP_KEEPIDLE) == 30)
      #expect(Self.option(descriptor, Int32(IPPROTO_TCP), TCP_KEEPINTVL) == 10)
      #expect(Self.option(descriptor, Int32(IPPROTO_TCP), TCP_KEEPCNT) == 3)
      client.disconnect()
    }
  }

  private static func peerPort(of descriptor: Int32) -> UInt16? {
    var address = sockaddr_in6()
    var size = socklen_t(MemoryLayout<sockaddr_in6>.size)
    let status = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getpeername(descriptor, $0, &size) }
    }
    return status == 0 ? UInt16(bigEndian: address.sin6_port) : nil
  }

  private static func option(_ descriptor: Int32, _ level: Int32, _ name: Int32) -> Int32 {
    var (value, size) = (Int32(-1), socklen_t(MemoryLayout<Int32>.size))
    getsockopt(descriptor, level, name, &value, &size)
    return value
  }

  @Test func aGapInALogIsAnError() throws {
    _ = try with([
      { exchange in
        exchange.request()
        exchange.begin()
        exchange.frame(.stdout, 0, "")
        exchange.frame(.stderr, 0, "")
        exchange.frame(.stdout, 5, "late")
        exchange.end()
      }
    ]) { client in
      let follower = LogFollower(client, Self.id, Bridge(client))
      let error = #expect(throws: ClientError.self) { try follower.read(follows: true, Collector()) }
      #expect(error?.description.contains("gap at byte 5") == true)
    }
  }

  @Test func repliesBecomeErrors() throws {
    _ = try with([
      { exchange in
        exchange.request()
        exchange.reply("404 Not Found", "")
        exchange.request()
        exchange.reply("429 Slow", #"{"error":"too many","title":"x"}"#, "Retry-After: 7\r\n")
        exchange.request()
        exchange.reply("200 OK", "[]")
        exchange.peer.waitForEnd()
      }
    ]) { client in
      let found = #expect(throws: ClientError.self) { try client.status(Self.id) }
      #expect(found.map { "\($0)" } == "there is no such job")
      let slow = #expect(throws: ClientError.self) { try client.status(Self.id) }
      #expect(slow?.retryAfter == 7 && slow?.isTransient == true && slow?.description == "too many")
      let other = #expect(throws: ClientError.self) { try client.status(Self.id) }
      #expect(other?.description.contains("is not understood") == true)
    }
  }

  @Test func whatChangesNothingIsAskedAgainOnAConnectionThatWasKept() throws {
    let serve: @Sendable (Exchange) -> Void = { exchange in
      exchange.request()
      exchange.reply("200 OK", #"{"status":"running"}"#)
    }
    let targets = try with([serve]) { client in
      for _ in 0..<3 {
        let reply = try client.status(Self.id)
        #expect(reply.status == .running)
      }
    }
    #expect(targets == Array(repeating: "GET /jobs/\(Self.id)/status", count: 3))
  }
}

import CJobWire
import Glibc
import Synchronization
import Testing

/// What a client says when a server does not do its part.
struct ClientFailureTests {
  /// The error a GET ends with when the server's script runs after the request was read.
  private func get(
    _ script: @escaping @Sendable (Peer) -> Void, adjust: (inout WireClient.Settings) -> Void = { _ in }
  ) throws -> WireError? {
    var result: WireError?
    try withServer { peer in
      peer.read()
      script(peer)
    } _: { settings in
      var settings = settings
      adjust(&settings)
      let client = try WireClient(settings)
      result = failure { _ = try client.get() }
      #expect(!client.isReusable)
    }
    return result
  }

  @Test(arguments: [
    ("SSH-2.0-OpenSSH_9.2\r\n", "not a reply of HTTP/1.1"),
    ("HTTP/2 200 OK\r\n\r\n", "not a reply of HTTP/1.1"),
    ("HTTP/1.2 200 OK\r\n\r\n", "not a reply of HTTP/1.1"),
    ("HTTP/1.1\t200 OK\r\n\r\n", "not a reply of HTTP/1.1"),
    ("HTTP/1.1 20 OK\r\n\r\n", "malformed status code"),
    ("HTTP/1.1 2000 OK\r\n\r\n", "malformed status code"),
    ("HTTP/1.1 099 OK\r\n\r\n", "malformed status code"),
    ("HTTP/1.1 +20 OK\r\n\r\n", "malformed status code"),
    ("HTTP/1.1 200\r\n\r\n", "malformed status code"),
    ("HTTP/1.1 200 OK\n\r\n", "control character in the status line"),
    ("HTTP/1.1 200 O\u{0}K\r\n\r\n", "control character in the status line"),
    ("HTTP/1.1 200 OK\rX\r\n\r\n", "bare CR in the status line"),
    ("HTTP/1.1 200 OK\r\nX : y\r\n\r\n", "white space before the colon"),
    ("HTTP/1.1 200 OK\r\nX: y\r\n z\r\n\r\n", "folded header line"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", "repeated Content-Length"),
    ("HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\na", "invalid or repeated Content-Length"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\na", "invalid or repeated Content-Length"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775808\r\n\r\na", "invalid or repeated Content-Length"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "both Content-Length"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "unknown or repeated Transfer-Encoding"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "unknown or repeated Transfer-Encoding"),
    (
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
      "repeated Transfer-Encoding"
    ),
    ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "Transfer-Encoding in HTTP/1.0"),
    ("HTTP/1.1 101 Switch\r\nUpgrade: x\r\n\r\n", "a protocol that was not asked for"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "malformed chunk"),
    ("HTTP/1.1 200 " + String(repeating: "a", count: 9000), "the status line is too long"),
    ("HTTP/1.1 200 OK\r\n" + String(repeating: "X: y\r\n", count: 101) + "\r\n", "too many header fields"),
    ("HTTP/1.1 200 OK\r\nX: " + String(repeating: "a", count: 66_000), "its head is too large"),
  ])
  func repliesNotUnderstood(text: String, reason: String) throws {
    let error = try get { peer in
      peer.send(text)
      peer.waitForEnd()
    }
    #expect(error?.kind == JW_FAIL_PROTOCOL && error?.description.contains(reason) == true, "\(error as Any)")
  }

  /// By close_notify or without: what ends early is never taken for whole.
  @Test(
    arguments: [
      "", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfour",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    ], [true, false])
  func repliesCutShort(text: String, inOrder: Bool) throws {
    let error = try get { peer in
      peer.send(text)
      if inOrder { peer.sayGoodbye() }
    }
    let words = text.isEmpty ? "" : " in the middle of a reply"
    #expect(error?.kind == JW_FAIL_CLOSED && error?.description == "the server closed the connection\(words)")
  }

  /// A body that lasts until the end of the connection needs an end in order.
  @Test func aBodyUntilTheEndThatIsCut() throws {
    let error = try get { $0.send("HTTP/1.1 200 OK\r\n\r\nall of it?") }
    #expect(error?.kind == JW_FAIL_CLOSED)
  }

  @Test func aResetBeforeAnyReplyMayBeARefusal() throws {
    let early = try get { $0.reset() }
    #expect(early?.kind == JW_FAIL_CLOSED)
    #expect(early?.description.contains("Connection reset by peer; the server may have refused") == true)
    let late = try get { peer in
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
      // What was sent must have arrived: a reset may overtake it.
      var unsent: Int32 = 1
      while unsent > 0 { _ = ioctl(peer.descriptor, UInt(TIOCOUTQ), &unsent) }
      peer.reset()
    }
    #expect(late?.kind == JW_FAIL_CLOSED && late?.description.contains("refused") == false)
  }

  @Test func silence() throws {
    let error = try get {
      $0.waitForEnd()
    } adjust: {
      $0.replyTime = 50
    }
    #expect(error?.kind == JW_FAIL_TIMEOUT)
    let stalled = try get { peer in
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nsome")
      peer.waitForEnd()
    } adjust: {
      $0.replyTime = 200
    }
    #expect(stalled?.kind == JW_FAIL_TIMEOUT)
  }

  @Test func aServerThatDoesNotRead() throws {
    let done = Mutex(false)
    try withServer { peer in
      while !done.withLock({ $0 }) { usleep(1000) }
    } _: { settings in
      defer { done.withLock { $0 = true } }
      var settings = settings
      settings.replyTime = 50
      let client = try WireClient(settings)
      try client.request("PUT", length: -1)
      let block = [UInt8](repeating: 0, count: 1 << 20)
      let error = failure { while true { try client.write(block) } }
      #expect(error?.kind == JW_FAIL_TIMEOUT)
    }
  }

  /// A server that answers without having read the whole request, and closes.
  @Test func anEarlyAnswerIsHeard() throws {
    let answer: @Sendable (Peer) -> Void = { peer in
      peer.read()
      peer.send("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
      peer.sayGoodbye()
    }
    try withServer(answer) { settings in
      let client = try WireClient(settings)
      try client.request("PUT", length: 64 << 20)
      let block = [UInt8](repeating: 0, count: 1 << 20)
      for _ in 0..<64 { try client.write(block) }
      #expect(try client.reply() == 413 && client.body() == Array("big".utf8) && !client.isReusable)
    }
    try withServer(answer) { settings in
      let client = try WireClient(settings)
      try client.request("PUT", length: -1)
      let block = [UInt8](repeating: 0, count: 1 << 20)
      let error = failure { while true { try client.write(block) } }
      #expect(error?.kind == JW_FAIL_CLOSED)
      #expect(error?.description == "the server answered before the request was complete")
      #expect(failure { try client.write(block) } == error)
      #expect(try client.reply() == 413 && client.body() == Array("big".utf8))
    }
  }
}

import CJobWire
import Glibc
import Synchronization
import Testing

/// What the client sends.
struct ClientRequestTests {
  private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

  /// What a server got of one connection, record by record, when each request that ends as `ends` says is answered.
  private func recorded(
    _ ends: [String], _ body: (WireClient) throws -> Void
  ) throws -> (records: [[String]], port: UInt16) {
    let seen = Mutex<[[String]]>([])
    var port: UInt16 = 0
    try withServer { peer in
      for end in ends {
        var records: [String] = []
        while !records.joined().hasSuffix(end) {
          guard let record = peer.record() else { break }
          records.append(record)
        }
        seen.withLock { $0.append(records) }
        peer.send(Self.ok)
      }
      peer.waitForEnd()
    } _: { settings in
      port = settings.port
      try body(WireClient(settings))
    }
    return (seen.withLock { $0 }, port)
  }

  @Test func heads() throws {
    let seen = try recorded(["\r\n\r\n", "\r\n\r\n", "\r\n\r\n"]) { client in
      try client.request("GET", "/jobs?x=%20", headers: "Accept: text/plain\r\nX-Y: z\r\n")
      #expect(try client.reply() == 200)
      try client.request("PUT", "/a")
      #expect(try client.reply() == 200)
      try client.request("DELETE", "/b")
      #expect(try client.reply() == 200 && client.isReusable)
    }
    let host = "Host: localhost:\(seen.port)\r\n"
    #expect(
      seen.records == [
        ["GET /jobs?x=%20 HTTP/1.1\r\n\(host)Accept: text/plain\r\nX-Y: z\r\n\r\n"],
        ["PUT /a HTTP/1.1\r\n\(host)Content-Length: 0\r\n\r\n"],
        ["DELETE /b HTTP/1.1\r\n\(host)\r\n"],
      ])
  }

  @Test func aSmallBodyLeavesWithItsHeadInOneRecord() throws {
    let seen = try recorded(["body"]) { client in
      try client.request("PUT", length: 4)
      #expect(!client.isReusable)
      try client.write(Array("body".utf8))
      #expect(try client.reply() == 200)
    }
    #expect(
      seen.records == [["PUT / HTTP/1.1\r\nHost: localhost:\(seen.port)\r\nContent-Length: 4\r\n\r\nbody"]])
  }

  @Test func aBodyInPieces() throws {
    let seen = try recorded(["bc", "GET / HTTP/1.1\r\n"]) { client in
      try client.request("POST", length: 200_003)
      try client.write([0x61])
      try client.write([UInt8](repeating: 0x7a, count: 200_000))
      try client.write(Array("bc".utf8))
      try client.writeEnd()
      #expect(try client.reply() == 200 && client.isReusable)
      try client.request("GET")
      #expect(failure { try client.write([1]) }?.description == "the request's body is longer than was said")
    }
    let all = seen.records[0].joined()
    let head = "POST / HTTP/1.1\r\nHost: localhost:\(seen.port)\r\nContent-Length: 200003\r\n\r\n"
    #expect(all.hasPrefix(head))
    let body = all.dropFirst(head.count)
    #expect(body.utf8.count == 200_003 && body.hasPrefix("azzz") && body.hasSuffix("zbc"))
  }

  @Test func chunks() throws {
    let large = String(repeating: "z", count: 70_000)
    let seen = try recorded(["0\r\n\r\n"]) { client in
      try client.request("PUT", length: -1)
      try client.write(Array("hello".utf8))
      try client.write([])
      try client.write(Array(large.utf8))
      #expect(!client.isReusable)
      try client.writeEnd()
      #expect(try client.reply() == 200 && client.isReusable)
    }
    let all = seen.records[0].joined()
    let head = "PUT / HTTP/1.1\r\nHost: localhost:\(seen.port)\r\nTransfer-Encoding: chunked\r\n\r\n"
    #expect(seen.records[0][0] == head && seen.records[0][1] == "5\r\nhello\r\n")
    var bytes = all.dropFirst(head.count).utf8.map { CChar($0) }
    var state = jw_chunked()
    var (used, made) = (0, 0)
    #expect(jw_chunked_decode(&state, &bytes, bytes.count, &used, &made) == 1)
    let body = bytes[..<made].map { UInt8($0) }
    #expect(used == bytes.count && String(decoding: body, as: UTF8.self) == "hello" + large)
  }

  @Test func pipelined() throws {
    try withServer { peer in
      for _ in 0..<3 { peer.read() }
      peer.send(
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\noneHTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nHTTP/1.1 ",
        "404 \r\nTransfer-Encoding: chunked\r\n\r\n5\r\nthree\r\n0\r\n\r\n")
      peer.waitForEnd()
    } _: { settings in
      let client = try WireClient(settings)
      try client.request("GET", "/1")
      try client.request("HEAD", "/2")
      try client.request("GET", "/3")
      #expect(try client.reply() == 200 && client.body() == Array("one".utf8) && !client.isReusable)
      #expect(try client.reply() == 200 && client.header("content-length") == "9")
      #expect(try client.body().isEmpty)
      #expect(try client.reply() == 404 && client.body() == Array("three".utf8) && client.isReusable)
    }
  }

  @Test func requestsThatCannotBeMeant() throws {
    let cases: [(method: String, target: String, headers: String)] = [
      ("GET", "/a b", ""), ("GET", "/a\r\nX: y", ""), ("GET", "", ""), ("", "/", ""), ("G T", "/", ""),
      ("GET", "/é", ""), ("GET", "/", "X: y"), ("GET", "/", "X y\r\n"), ("GET", "/", "X: y\n"),
      ("GET", "/", "X: y\r\n\r\nGET /evil HTTP/1.1\r\n"),
      ("GET", "/" + String(repeating: "a", count: 70_000), ""),
      ("GET", "/", "X: " + String(repeating: "a", count: 70_000) + "\r\n"),
      ("GET", "/", String(repeating: "X: y\r\n", count: 101)),
    ]
    try withServer { peer in
      peer.waitForEnd()
    } _: { settings in
      for (method, target, headers) in cases {
        let client = try WireClient(settings)
        let error = failure { try client.request(method, target, headers: headers) }
        #expect(error?.kind == JW_FAIL_PROTOCOL && !client.isReusable)
      }
    }
  }

  @Test func callsOutOfOrder() throws {
    try withServer { peer in
      peer.waitForEnd()
    } _: { settings in
      let client = try WireClient(settings)
      #expect(
        failure { _ = try client.reply() }?.description
          == "the reply is not understood: no request waits for it")
      try client.request("PUT", length: 5)
      #expect(failure { try client.request("GET") }?.description == "the last request's body was not written")
      #expect(failure { try client.write([1, 2, 3, 4, 5, 6]) }?.kind == JW_FAIL_PROTOCOL)
      try client.write([1])
      #expect(failure { try client.writeEnd() }?.description == "the request's body is shorter than was said")
    }
  }

  @Test func repliesAreDueForSixtyFourRequestsAtMost() throws {
    try withServer { peer in
      peer.waitForEnd()
    } _: { settings in
      let client = try WireClient(settings)
      for _ in 0..<64 { try client.request("GET") }
      #expect(failure { try client.request("GET") }?.description.contains("too many requests") == true)
    }
  }
}

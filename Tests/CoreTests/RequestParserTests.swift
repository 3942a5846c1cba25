import CJobHTTP
import CJobWire
import Testing

/// The strict request parser: bytes in, a request or a status out.
struct RequestParserTests {
  struct Parsed: Equatable {
    var taken = 0
    var status: Int?
    var method = ""
    var path = ""
    var query = ""
    var length: Int64 = 0
    var hasBody = false
    var keepAlive = false
    var expects = false
    var fields = 0
  }

  static func text(_ slice: jw_slice) -> String {
    String(decoding: UnsafeRawBufferPointer(start: slice.bytes, count: slice.length), as: UTF8.self)
  }

  static func parse(_ bytes: [UInt8], maxHead: Int = 16384, capacity: Int = 32) -> Parsed {
    var fields = [jw_field](repeating: jw_field(), count: capacity)
    var head = jc_head()
    var why: UnsafePointer<CChar>?
    return bytes.withUnsafeBytes { bytes in
      let start = bytes.baseAddress!.assumingMemoryBound(to: CChar.self)
      let taken = jc_request_parse(start, bytes.count, maxHead, &fields, capacity, &head, &why)
      guard taken > 0 else {
        #expect((taken < 0) == (why != nil))
        return Parsed(status: taken < 0 ? -taken : nil)
      }
      let request = head.request
      return Parsed(
        taken: taken, method: text(request.method), path: text(request.path), query: text(request.query),
        length: request.content_length, hasBody: request.has_body, keepAlive: head.keep_alive,
        expects: head.expect_continue, fields: request.header_count)
    }
  }

  static func parse(_ text: String) -> Parsed { parse(Array(text.utf8)) }

  static let host = "Host: example.org\r\n"
  static func get(_ fields: String) -> String { "GET / HTTP/1.1\r\n\(host)\(fields)\r\n" }

  @Test func plainRequest() {
    let text = "GET /jobs/a%20b?wait=30s&x HTTP/1.1\r\nHost: a:7443\r\nAccept:  */* \r\n\r\n"
    let parsed = Self.parse(text + "GET")
    #expect(
      parsed
        == Parsed(
          taken: text.utf8.count, method: "GET", path: "/jobs/a%20b", query: "wait=30s&x", keepAlive: true,
          fields: 2))
  }

  @Test func bodies() {
    let sized = Self.parse(Self.get("Content-Length: 12\r\n"))
    #expect(sized.hasBody && sized.length == 12)
    let empty = Self.parse(Self.get("Content-Length: 0\r\n"))
    #expect(!empty.hasBody && empty.length == 0)
    let chunked = Self.parse(Self.get("Transfer-Encoding: Chunked\r\nExpect: 100-Continue\r\n"))
    #expect(chunked.hasBody && chunked.length == -1 && chunked.expects)
    #expect(!Self.parse(Self.get("Expect: 100-continue\r\n")).expects)
  }

  @Test(arguments: [
    ("HTTP/1.1", "", true), ("HTTP/1.1", "Connection: close\r\n", false),
    ("HTTP/1.1", "Connection: x , CLOSE\r\n", false), ("HTTP/1.1", "Connection: closed\r\n", true),
    ("HTTP/1.0", "", false), ("HTTP/1.0", "Connection: keep-alive\r\n", true),
    ("HTTP/1.0", "Connection: keep-alive, close\r\n", false),
  ])
  func persistence(version: String, fields: String, kept: Bool) {
    #expect(Self.parse("GET / \(version)\r\n\(Self.host)\(fields)\r\n").keepAlive == kept)
  }

  @Test(arguments: [
    ("/a?b?c", "/a", "b?c"), ("https://Example.org/x?y", "/x", "y"), ("http://example.org", "/", ""),
    ("http://example.org?q", "/", "q"), ("//", "//", ""), ("/?", "/", ""),
  ])
  func targets(target: String, path: String, query: String) {
    let parsed = Self.parse("GET \(target) HTTP/1.1\r\n\(Self.host)\r\n")
    #expect(parsed.path == path && parsed.query == query && parsed.status == nil)
  }

  @Test(arguments: ["a", "a:1", "1.2.3.4:65535", "[::1]", "[::ffff:1.2.3.4]:7443", "a-b_c.example"])
  func hosts(host: String) { #expect(Self.parse("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n").taken > 0) }

  @Test func anEmptyLineBeforeTheRequestIsIgnored() {
    let text = "\r\n" + Self.get("")
    #expect(Self.parse(text).taken == text.utf8.count)
    #expect(Self.parse("\r\n\r\n" + Self.get("")).status == 400)
  }

  @Test(arguments: [
    ("Content-Length with Transfer-Encoding", get("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n")),
    ("Transfer-Encoding with Content-Length", get("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n")),
    ("repeated Content-Length", get("Content-Length: 3\r\nContent-Length: 4\r\n")),
    ("repeated equal Content-Length", get("Content-Length: 3\r\ncontent-length: 3\r\n")),
    ("list in Content-Length", get("Content-Length: 3, 3\r\n")),
    ("signed Content-Length", get("Content-Length: +3\r\n")),
    ("negative Content-Length", get("Content-Length: -3\r\n")),
    ("hexadecimal Content-Length", get("Content-Length: 0x3\r\n")),
    ("empty Content-Length", get("Content-Length:\r\n")),
    ("enormous Content-Length", get("Content-Length: 99999999999999999999\r\n")),
    ("space in Content-Length", get("Content-Length: 1 2\r\n")),
    ("repeated Transfer-Encoding", get("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")),
    ("obs-fold", get("X: a\r\n b\r\n")),
    ("fold of the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
    ("bare CR in a value", get("X: a\rb\r\n")),
    ("bare CR in the request line", "GET /\r HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("bare LF after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n"),
    ("bare LF after a field", "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"),
    ("bare LF at the end", "GET / HTTP/1.1\r\nHost: a\r\n\n"),
    ("space before the colon", get("X : a\r\n")),
    ("tab before the colon", get("Content-Length\t: 3\r\n")),
    ("no colon", get("X\r\n")),
    ("empty name", get(": x\r\n")),
    ("NUL in a name", get("X\0: a\r\n")),
    ("NUL in a value", get("X: a\0\r\n")),
    ("control character in a value", get("X: a\u{1}\r\n")),
    ("DEL in a value", get("X: a\u{7f}\r\n")),
    ("no Host", "GET / HTTP/1.1\r\n\r\n"),
    ("repeated Host", get("Host: example.org\r\n")),
    ("empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n"),
    ("two names in Host", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"),
    ("user in Host", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n"),
    ("path in Host", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    ("port of Host", "GET / HTTP/1.1\r\nHost: a:http\r\n\r\n"),
    ("long port of Host", "GET / HTTP/1.1\r\nHost: a:123456\r\n\r\n"),
    ("bracket of Host", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"),
    ("empty brackets of Host", "GET / HTTP/1.1\r\nHost: []\r\n\r\n"),
    ("text after the brackets of Host", "GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n"),
    ("asterisk form", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("authority form", "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("other host in the absolute form", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("relative target", "GET a HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("fragment", "GET /#a HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("control character in the target", "GET /\u{1} HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("NUL in the target", "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("byte above ASCII in the target", "GET /ü HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("quote in the target", "GET /\" HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("two spaces before the target", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("two spaces after the target", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("space at the line's end", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"),
    ("tab for a space", "GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n"),
    ("no target", "GET HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("no version", "GET /\r\nHost: a\r\n\r\n"),
    ("lower-case version", "GET / http/1.1\r\nHost: a\r\n\r\n"),
    ("long version", "GET / HTTP/1.10\r\nHost: a\r\n\r\n"),
    ("no method", " / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("method that is no token", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("long method", String(repeating: "G", count: 33) + " / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("coding in HTTP/1.0", "PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
  ])
  func refusedWith400(what: String, text: String) { #expect(Self.parse(text).status == 400, "\(what)") }

  @Test(arguments: [
    (501, get("Transfer-Encoding: gzip, chunked\r\n")), (501, get("Transfer-Encoding: chunked, chunked\r\n")),
    (501, get("Transfer-Encoding: identity\r\n")), (501, get("Transfer-Encoding:\r\n")),
    (505, "GET / HTTP/2.0\r\nHost: a\r\n\r\n"), (505, "GET / HTTP/1.2\r\nHost: a\r\n\r\n"),
    (417, get("Content-Length: 1\r\nExpect: tea\r\n")),
    (414, "GET /\(String(repeating: "a", count: Int(JC_TARGET_MAX))) HTTP/1.1\r\nHost: a\r\n\r\n"),
    (414, "GET /\(String(repeating: "a", count: Int(JC_TARGET_MAX) + 100))"),
    (431, get("X: \(String(repeating: "a", count: 17000))\r\n")),
    (431, "GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "a", count: 17000))"),
    (431, get(String(repeating: "X: a\r\n", count: 32))),
  ])
  func refusedWithAStatusOfItsOwn(status: Int, text: String) { #expect(Self.parse(text).status == status) }

  /// Cut anywhere, a good head is incomplete and never wrong.
  @Test func everyPrefixWaitsForMore() {
    let bytes = Array(
      "PUT /a?b HTTP/1.1\r\nHost: a:1\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n".utf8)
    for length in 1..<bytes.count { #expect(Self.parse(Array(bytes[..<length])) == Parsed()) }
    #expect(Self.parse(bytes).taken == bytes.count)
  }
}

import Glibc
import Harness
import Testing

/// What is not a proper request, over a real connection: refused with the right status.
@Suite(.serialized) struct RequestTests {
  @Test(arguments: [
    ("{", 400, "not JSON"), ("[]", 400, "object"), (#"{"cmd":5}"#, 400, "cmd"), (#"{"args":[]}"#, 400, "cmd"),
    (#"{"cmd":""}"#, 400, "empty"), (#"{"cmd":"a","what":1}"#, 400, "what"),
    (#"{"cmd":"a","args":["x\u0000y"]}"#, 400, "args"), (#"{"cmd":"a","args":"x"}"#, 400, "args"),
  ])
  func bodiesThatAreWrongAreNamed(body: String, status: Int, words: String) throws {
    try Daemon.with { daemon in
      let reply = try daemon.curl("PUT", "/jobs", body: body)
      #expect(reply.status == status)
      #expect(reply.text.contains(words), "\(reply.text)")
      #expect(reply.headers.contains("application/problem+json"))
      #expect(reply.text.contains(#""error":"#))
    }
  }

  @Test func routesAndMethodsAreChecked() throws {
    try Daemon.with { daemon in
      #expect(try daemon.curl("GET", "/nothing").status == 404)
      let other = try daemon.curl("POST", "/jobs/x/status", body: "{}")
      #expect(other.status == 405)
      #expect(other.headers.contains("Allow: GET, HEAD"))
      let type = try daemon.curl("PUT", "/jobs", ["-H", "Content-Type: text/plain", "--data-binary", "x"])
      #expect(type.status == 415)
      #expect(try daemon.curl("PUT", "/jobs").status == 411)
      let large = try daemon.curl("PUT", "/jobs", body: String(repeating: " ", count: (4 << 20) + 1))
      #expect(large.status == 413 && large.text.contains("larger than 4194304 bytes"), "\(large.text)")
      #expect(
        try daemon.curl("GET", "/jobs", ["-H", "X: \(String(repeating: "a", count: 40_000))"]).status == 431)
      #expect(try daemon.curl("GET", "/jobs?match=\(String(repeating: "a", count: 40_000))").status == 414)
      let unknown = "/jobs/01a20dd9-cf1e-707e-8624-250b697e1403"
      for (method, path) in [
        ("GET", "/jobs?x=1"), ("GET", "/jobs?limit=%f"), ("GET", "/jobs?state=%ff"),
        ("DELETE", "\(unknown)?x=1"),
        ("GET", "\(unknown)?x=1"), ("GET", "/openapi.json?x=1"), ("GET", "\(unknown)/output?x"),
      ] { #expect(try daemon.curl(method, path).status == 400, "\(path)") }
    }
  }

  @Test func parametersThatAreGivenTwiceAreNamed() throws {
    try Daemon.with { daemon in
      let (id, _) = try daemon.client().run("/bin/true")
      for (path, name) in [
        ("/jobs?limit=1&limit=2", "limit"), ("/jobs?match=abcd&state=error&match=abcd", "match"),
        ("/jobs/\(id)/status?wait=1s&w%61it=2s", "wait"), ("/events?after=1&after=now", "after"),
        ("/jobs/\(id)/stdout?follow=1&follow=1", "follow"), ("/jobs/\(id)/log?tail=1&tail=", "tail"),
      ] {
        let reply = try daemon.curl("GET", path)
        #expect(reply.status == 400)
        #expect(reply.text.contains(#"query parameter \"\#(name)\" is given twice"#), "\(reply.text)")
      }
      let both = try daemon.curl("GET", "/jobs?state=error&state=completed&label=a=b&label=c=d")
      #expect(both.status == 200)
    }
  }

  private static let strict: [(String, String)] = [
    (
      "length and encoding",
      "PUT /jobs HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    ("repeated length", "PUT /jobs HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc"),
    ("signed length", "PUT /jobs HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc"),
    ("folded line", "GET /jobs HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n"),
    ("bare CR", "GET /jobs HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n"),
    ("bare LF", "GET /jobs HTTP/1.1\nHost: a\n\n"),
    ("space before the colon", "GET /jobs HTTP/1.1\r\nHost : a\r\n\r\n"),
    ("no host", "GET /jobs HTTP/1.1\r\n\r\n"),
    ("two hosts", "GET /jobs HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
    ("two keys", "PUT /jobs HTTP/1.1\r\nHost: a\r\nIdempotency-Key: a\r\nidempotency-key: b\r\n\r\n"),
    ("two types", "GET /jobs HTTP/1.1\r\nHost: a\r\nContent-Type: a/b\r\nContent-Type: a/b\r\n\r\n"),
    ("two ranges", "GET /jobs HTTP/1.1\r\nHost: a\r\nRange: bytes=1-\r\nRange: bytes=2-\r\n\r\n"),
    ("NUL", "GET /jobs HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n"),
  ]

  @Test(arguments: strict)
  func whatIsAmbiguousIsRefusedAndClosed(name: String, request: String) throws {
    try Daemon.with { daemon in
      // A second request behind it must not be served.
      let text = try daemon.raw(request + "GET /jobs HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
      #expect(text.hasPrefix("HTTP/1.1 400 "), "\(name): \(text)")
      #expect(text.components(separatedBy: "HTTP/1.1 ") == 2, "\(name): \(text)")
    }
  }

  @Test func aBodyThatBreaksAfterItsReplyHasNoSecondReply() throws {
    try Daemon.with { daemon in
      let text = try daemon.raw(
        "PUT /nothing HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\nzz\r\n")
      #expect(text.hasPrefix("HTTP/1.1 404 "), "\(text)")
      #expect(text.components(separatedBy: "HTTP/1.1 ") == 2, "\(text)")
    }
  }

  @Test func repliesSayHowLongTheConnectionStays() throws {
    try Daemon.with { daemon in
      let reply = try daemon.curl("GET", "/jobs")
      #expect(reply.headers.contains("Keep-Alive: timeout="), "\(reply.headers)")
      let last = try daemon.curl("GET", "/jobs", ["-H", "Connection: close"])
      #expect(!last.headers.contains("Keep-Alive: "))
    }
  }

  /// A browser sends its certificate along with what any page asks.
  @Test func whatAPageOfAnotherSiteAsksIsRefused() throws {
    try Daemon.with { daemon in
      let form = [
        "-H", "Content-Type: application/x-www-form-urlencoded", "--data-binary", #"{"cmd":"true"}"#,
      ]
      let own = daemon.url("").dropLast(daemon.url("").hasSuffix("/") ? 1 : 0)
      for (fields, status) in [
        (["Sec-Fetch-Site: cross-site"], Int32(403)), (["Sec-Fetch-Site: same-site"], 403),
        (["Origin: https://example.org"], 403), (["Origin: null"], 403),
        (["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"], 403),
        (["Sec-Fetch-Site: same-origin", "Origin: \(own)"], 200), ([], 200),
      ] {
        let reply = try daemon.curl("PUT", "/jobs", form + fields.flatMap { ["-H", $0] })
        #expect(reply.status == Int(status), "\(fields): \(reply.text)")
      }
      #expect(try daemon.curl("GET", "/jobs", ["-H", "Sec-Fetch-Site: cross-site"]).status == 403)
      let link = try daemon.curl(
        "GET", "/jobs",
        [
          "-H", "Sec-Fetch-Site: cross-site", "-H", "Sec-Fetch-Mode: navigate", "-H",
          "Sec-Fetch-Dest: document",
        ])
      #expect(link.status == 200)
      #expect(link.headers.contains("Content-Security-Policy: frame-ancestors 'none'"))
    }
  }

  /// RFC 9110, section 13.2.2: also where nothing has an entity tag.
  @Test func conditionsAreHeld() throws {
    try Daemon.with { daemon in
      let (id, _) = try daemon.client().run("/bin/echo", "hello")
      let stream = "/jobs/\(id)/stdout"
      let headers = try daemon.curl("GET", stream).headers
      let tag = try #require(headers.split(separator: "\r\n").first { $0.hasPrefix("ETag: ") }).dropFirst(6)
      func status(_ method: String, _ path: String, _ field: String) throws -> Int {
        try daemon.curl(method, path, ["-H", field])
          .status
      }
      for match in ["*", "\(tag)", "\"a\", \(tag)"] {
        #expect(try status("GET", stream, "If-Match: \(match)") == 200, "\(match)")
      }
      for match in ["\"a\"", "W/\(tag)"] {
        #expect(try status("GET", stream, "If-Match: \(match)") == 412, "\(match)")
      }
      #expect(try status("DELETE", "/jobs/\(id)", "If-Match: \"a\"") == 412)
      #expect(try status("DELETE", "/jobs/\(id)", "If-None-Match: *") == 412)
      #expect(try status("GET", "/jobs/\(id)", "If-None-Match: *") == 304)
      let old = "If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT"
      #expect(try status("GET", stream, old) == 200, "there is no date to compare with")
      #expect(try status("DELETE", "/jobs/\(id)", "If-Match: *") == 200)
      #expect(try status("DELETE", "/jobs/\(id)", "If-Match: *") == 404)
    }
  }

  @Test func pipelinedRequestsAreAnsweredInOrder() throws {
    try Daemon.with { daemon in
      let one = "GET /jobs HTTP/1.1\r\nHost: a\r\n\r\n"
      let last = "HEAD /nothing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
      let text = try daemon.raw(String(repeating: one, count: 20) + last)
      #expect(text.components(separatedBy: "HTTP/1.1 200 ") == 21)
      #expect(text.components(separatedBy: "HTTP/1.1 404 ") == 2)
      #expect(text.hasSuffix("\r\n\r\n"), "HEAD has no body")
    }
  }

  @Test func chunkedBodiesAndExpectAreUnderstood() throws {
    try Daemon.with { daemon in
      let body = #"{"cmd":"true"}"#
      let chunked = try daemon.curl("PUT", "/jobs", body: body, ["-H", "Transfer-Encoding: chunked"])
      #expect(chunked.status == 200)
      let expected = try daemon.curl("PUT", "/jobs", body: body, ["-H", "Expect: 100-continue"])
      #expect(expected.headers.contains("100 Continue"))
      #expect(expected.status == 200)
    }
  }
}

extension Daemon {
  /// Sends bytes as they are over TLS, and returns all that comes back until the server closes.
  func raw(_ request: String) throws -> String {
    let alice = "\(pki.directory)/alice"
    let done = try Running(
      "openssl",
      [
        "s_client", "-quiet", "-connect", "localhost:\(port)", "-CAfile", "\(pki.directory)/ca.crt", "-cert",
        "\(alice).crt", "-key", "\(alice).key", "-ign_eof", "-tls1_3",
      ], input: Array(request.utf8), directory: scratch
    ).wait()
    return done.text
  }
}

extension String {
  /// How many parts `separator` makes of it.
  fileprivate func components(separatedBy separator: String) -> Int {
    var count = 1
    var rest = self[...]
    while let range = rest.firstRange(of: separator) {
      count += 1
      rest = rest[range.upperBound...]
    }
    return count
  }
}

import Harness
import JobAPI
import Testing
import WebPage

/// What the web page is sent as; Tests/Page drives it in a browser.
@Suite(.serialized) struct PageTests {
  @Test func thePageComesWithItsPolicy() throws {
    try Daemon.with { daemon in
      for (path, type) in [
        ("/", "text/html; charset=utf-8"), ("/page/page.css", "text/css; charset=utf-8"),
        ("/page/main.js", "text/javascript; charset=utf-8"), ("/page/icon.svg", "image/svg+xml"),
      ] {
        let reply = try daemon.curl("GET", path)
        #expect(reply.status == 200 && !reply.text.isEmpty, "\(path)")
        for field in [
          "Content-Type: \(type)", "X-Content-Type-Options: nosniff", "Referrer-Policy: no-referrer",
          "Cross-Origin-Opener-Policy: same-origin", "Cross-Origin-Resource-Policy: same-origin",
          "Cache-Control: no-cache", "Content-Length: \(reply.body.count)",
          "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
            + "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
            + "require-trusted-types-for 'script'; trusted-types 'none'",
        ] { #expect(reply.headers.contains("\r\n\(field)\r\n"), "\(path): \(field) in \(reply.headers)") }
        let head = try daemon.curl("HEAD", path)
        #expect(head.status == 200 && head.headers.contains("Content-Length: \(reply.body.count)\r\n"))
      }
    }
  }

  @Test func whatABrowserHasIsNotSentAgain() throws {
    try Daemon.with { daemon in
      for path in ["/", "/page/main.js"] {
        let headers = try daemon.curl("GET", path).headers.split(separator: "\r\n")
        let tag = try #require(headers.first { $0.hasPrefix("ETag: ") }).dropFirst(6)
        let known = try daemon.curl("GET", path, ["-H", "If-None-Match: \(tag)"])
        #expect(known.status == 304 && known.body.isEmpty && known.headers.contains("ETag: \(tag)"))
        #expect(known.headers.contains("default-src 'none'"))
        #expect(try daemon.curl("GET", path, ["-H", "If-None-Match: \"x\""]).status == 200)
        #expect(try daemon.curl("GET", path, ["-H", "If-Match: \"x\""]).status == 412)
      }
    }
  }

  @Test func whatItHasNotIsRefused() throws {
    try Daemon.with { daemon in
      for (path, status) in [
        ("/page/none.js", 404), ("/page/", 404), ("/page/../jobs", 404), ("/index.html", 404), ("/?x=1", 400),
        ("/page/main.js?x=1", 400),
      ] { #expect(try daemon.curl("GET", path, ["--path-as-is"]).status == status, "\(path)") }
      let missing = try daemon.curl("GET", "/page/none.js")
      #expect(missing.text.contains(#"the page has no file \"none.js\""#), "\(missing.text)")
      let other = try daemon.curl("POST", "/", body: "{}")
      #expect(other.status == 405 && other.headers.contains("Allow: GET, HEAD"))
    }
  }

  /// A link from elsewhere opens it; a page of elsewhere gets nothing of it into itself.
  @Test func aLinkOpensIt() throws {
    try Daemon.with { daemon in
      func status(_ path: String, _ mode: String, _ destination: String) throws -> Int {
        try daemon.curl(
          "GET", path,
          ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: \(mode)", "Sec-Fetch-Dest: \(destination)"]
            .flatMap { ["-H", $0] }
        ).status
      }
      let found = [
        try status("/", "navigate", "document"), try status("/", "navigate", "iframe"),
        try status("/page/main.js", "no-cors", "script"),
      ]
      #expect(found == [200, 403, 403])
    }
  }

  /// What a job wrote is opened as what it is, and no page can load it as a script.
  @Test func outputIsNoScript() throws {
    try Daemon.with { daemon in
      let (id, _) = try daemon.client().run("/bin/echo", "alert(1)")
      for (method, query) in [("GET", ""), ("GET", "?follow=1"), ("HEAD", "?follow=1"), ("GET", "?tail=1")] {
        let reply = try daemon.curl(method, Route.stdout.target(id) + query)
        #expect(reply.headers.contains("X-Content-Type-Options: nosniff\r\n"), "\(method) \(query)")
        #expect(reply.headers.contains("Content-Type: application/octet-stream\r\n"), "\(method) \(query)")
      }
    }
  }

  @Test func theFilesAreSmallAndPlain() throws {
    #expect(PageFile.all.reduce(0) { $0 + $1.bytes.count } < 60_000)
    #expect(Set(PageFile.all.map(\.name)).count == PageFile.all.count)
    for file in PageFile.all {
      let text = String(decoding: file.bytes, as: UTF8.self)
      for word in [
        "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", " style=", "javascript:",
      ] {
        #expect(!text.contains(word), "\(file.name) has \(word)")
      }
      // Scripts and styles come from files alone.
      #expect(
        !text.contains("<style")
          && text.ranges(of: "<script").count == text.ranges(of: "<script type=\"module\" src=").count)
      let outside = text.replacing("http://www.w3.org/2000/svg", with: "")
      #expect(
        !outside.contains("http://") && !outside.contains("https://"), "\(file.name) names another host")
    }
  }
}

import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// Who may write to a job's terminal, as the API has it.
@Suite(.serialized) struct TerminalClaimTests {
  private func create(_ daemon: Daemon, as client: String = "alice") throws -> JobID {
    var request = CreateRequest(cmd: "cat")
    request.tty = TerminalSize(rows: 40, columns: 120)
    return try daemon.client(client).create(request)
  }

  /// A log that claims the terminal, once it does.
  private func claim(_ daemon: Daemon, _ id: JobID, as writer: String) throws -> Running {
    let log = try daemon.startCurl("/jobs/\(id)/log?follow=1&writer=\(writer)", ["-N"])
    try Poll.until("a claim") {
      if log.hasEnded { throw Poll.TimeIsUp(description: log.text + log.errorText) }
      return try daemon.curl("POST", "/jobs/\(id)/resize?writer=nobody", body: #"{"rows":3,"columns":4}"#)
        .text
        .contains("\(writer) has written")
    }
    return log
  }

  private func type(_ daemon: Daemon, _ id: JobID, as writer: String?) throws -> CurlReply {
    let query: Query = ["close": "0", "writer": writer]
    return try daemon.curl("PUT", Route.stdin.target(id, query), body: "x\n")
  }

  @Test func oneWritesAndOthersAreToldWhoDoes() throws {
    try Daemon.with { daemon in
      let id = try create(daemon)
      #expect(try type(daemon, id, as: nil).status == 200, "nobody has it")
      #expect(try type(daemon, id, as: "bob").status == 200)
      let log = try claim(daemon, id, as: "alice")
      for writer in [nil, "bob"] as [String?] {
        let refused = try type(daemon, id, as: writer)
        #expect(refused.status == 409 && refused.text.contains("alice has written"), "\(refused.text)")
      }
      #expect(try type(daemon, id, as: "alice").status == 200)
      let size = #"{"rows":3,"columns":4}"#
      #expect(try daemon.curl("POST", "/jobs/\(id)/resize", body: size).status == 409)
      #expect(try daemon.curl("POST", "/jobs/\(id)/resize?writer=alice", body: size).status == 200)
      #expect(try daemon.curl("GET", "/jobs/\(id)/log?follow=1&writer=bob").status == 409)
      #expect(!log.hasEnded)
      log.signal(SIGKILL)
      _ = try log.wait()
      try Poll.until("the claim's end") { try type(daemon, id, as: "bob").status == 200 }
    }
  }

  /// A connection that is lost comes back: nobody takes its place meanwhile, unless it was left.
  @Test func aLostClaimIsKeptAndOneThatIsLeftIsNot() throws {
    try Daemon.with { daemon in
      let id = try create(daemon)
      let first = try claim(daemon, id, as: "alice")
      first.signal(SIGKILL)
      _ = try first.wait()
      let end = Poll.now() + 1
      while Poll.now() < end {
        for writer in [nil, "bob"] as [String?] { #expect(try type(daemon, id, as: writer).status == 409) }
        #expect(try daemon.curl("GET", "/jobs/\(id)/log?follow=1&writer=bob").status == 409)
      }
      let second = try claim(daemon, id, as: "alice")
      #expect(try type(daemon, id, as: "alice").status == 200)
      func leave(_ query: Query, _ body: String?) throws -> CurlReply {
        try daemon.curl("PUT", Route.stdin.target(id, query), body: body)
      }
      let closing = try leave(["leave": "1", "writer": "alice"], "")
      #expect(closing.status == 400 && closing.text.contains("close=0"), "\(closing.text)")
      #expect(try leave(["leave": "1", "close": "0"], "").status == 400)
      #expect(try leave(["leave": "1", "close": "0", "writer": "bob"], "").status == 409)
      let before = try daemon.client().detail(id).stdinBytes
      #expect(try leave(["leave": "1", "close": "0", "writer": "alice"], "y\n").status == 200)
      #expect(try daemon.client().detail(id).stdinBytes == before.map { $0 + 2 })
      #expect(try type(daemon, id, as: "bob").status == 200)
      let third = try claim(daemon, id, as: "bob")
      try daemon.client().leave(id, as: "bob")
      #expect(try type(daemon, id, as: nil).status == 200)
      for log in [second, third] {
        log.signal(SIGKILL)
        _ = try log.wait()
      }
    }
  }

  /// What the terminal did not take is lost with its supervisor; who goes on behind it is not refused.
  @Test func aTypistGoesOnAfterAnUpgradeWithABacklog() throws {
    try Daemon.with { daemon in
      let go = Go(daemon.scratch)
      var request = CreateRequest(
        cmd: "sh",
        args: ["-c", "stty raw -echo; echo ready; \(go.wait); exec cat"])
      request.tty = TerminalSize(rows: 40, columns: 120)
      let client = daemon.client()
      let id = try client.create(request)
      try client.waitForOutput("ready", of: id)
      let body = daemon.scratch.fresh("body")
      try Files.write([UInt8](repeating: 0x61, count: 50_000), to: body)
      // One piece of each waits, for more than a terminal takes.
      let feeders = try (0..<2).map { _ in
        try daemon.startCurl("/jobs/\(id)/stdin?close=0", ["-T", body])
      }
      try Poll.until("a backlog") { try client.detail(id).stdinBytes ?? 0 > 20_000 }
      for feeder in feeders {
        feeder.signal(SIGKILL)
        _ = try feeder.wait()
      }
      let place = try #require(try client.detail(id).stdinBytes)
      #expect(try daemon.control("upgrade").status == 0)
      #expect(try #require(try daemon.client().detail(id).stdinBytes) < place)
      try go()
      try daemon.client().feed(id, Array("typed".utf8), at: UInt64(place), close: false)
      try Poll.until("what is typed") { try daemon.client().output(id).stdout.hasSuffix("atyped") }
    }
  }

  @Test func theSameWriterTakesOver() throws {
    try Daemon.with { daemon in
      let id = try create(daemon)
      let first = try claim(daemon, id, as: "alice")
      let second = try daemon.startCurl("/jobs/\(id)/log?follow=1&writer=alice", ["-N"])
      #expect(try first.wait().status == 0)
      #expect(try type(daemon, id, as: "bob").status == 409)
      #expect(!second.hasEnded)
      try daemon.client().delete(id)
      #expect(try second.wait().status == 0)
    }
  }

  @Test func anotherTakesOverWhereItSaysSo() throws {
    try Daemon.with { daemon in
      let id = try create(daemon)
      let first = try claim(daemon, id, as: "alice")
      let second = try daemon.startCurl("/jobs/\(id)/log?follow=1&writer=bob&take_over=1", ["-N"])
      #expect(try first.wait().status == 0)
      let refused = try type(daemon, id, as: "alice")
      #expect(refused.status == 409 && refused.text.contains("bob has written"), "\(refused.text)")
      #expect(try daemon.curl("GET", "/jobs/\(id)/log?follow=1&writer=alice").status == 409)
      #expect(try type(daemon, id, as: "bob").status == 200 && !second.hasEnded)
      let nobody = try daemon.curl("GET", "/jobs/\(id)/log?follow=1&take_over=1")
      #expect(nobody.status == 400 && nobody.text.contains("needs \\\"writer\\\""), "\(nobody.text)")
      try daemon.client().delete(id)
      #expect(try second.wait().status == 0)
    }
  }

  /// A body that is on its way writes no more once somebody else has the terminal.
  @Test func aClaimEndsWhatOthersWrite() throws {
    try Daemon.with { daemon in
      let id = try create(daemon)
      let raw = try daemon.rawClient()
      let head = "PUT /jobs/\(id)/stdin?close=0 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
      try raw.send(head + "4\r\nabc\n\r\n")
      try Poll.until("the job to have it") { try daemon.client().detail(id).stdinBytes == 4 }
      let log = try claim(daemon, id, as: "alice")
      try raw.send("4\r\ndef\n\r\n")
      #expect(try raw.reply().status == 409)
      #expect(try daemon.client().detail(id).stdinBytes == 4)
      log.signal(SIGKILL)
      _ = try log.wait()
    }
  }

  @Test func aReloadGivesTheTerminalBack() throws {
    try Daemon.with { daemon in
      let id = try create(daemon)
      let log = try claim(daemon, id, as: "alice")
      #expect(try daemon.control("reload").status == 0)
      #expect(try log.wait().status == 0)
      #expect(try type(daemon, id, as: "bob").status == 200)
    }
  }

  @Test func whatIsNoClaimIsRefused() throws {
    try Daemon.with { daemon in
      let (id, plain) = (try create(daemon), try daemon.client().shell("sleep 1000"))
      func asked(_ id: JobID, _ query: String) throws -> CurlReply {
        try daemon.curl("GET", "/jobs/\(id)/log?\(query)")
      }
      #expect(try asked(id, "writer=alice").text.contains("needs \\\"follow=1\\\""))
      for writer in ["", "%C3%A4", "a%0Ab", String(repeating: "x", count: 129)] {
        let refused = try asked(id, "follow=1&writer=\(writer)")
        #expect(refused.status == 400 && refused.text.contains("1 to 128 printable"), "\(refused.text)")
      }
      let none = try asked(plain, "follow=1&writer=alice")
      #expect(none.status == 409 && none.text.contains("no terminal"), "\(none.text)")
      _ = try daemon.client().stop(id, grace: DurationText("0s"))
      let ended = try asked(id, "follow=1&writer=alice")
      #expect(ended.status == 200, "its output is there for everybody")
      #expect(
        try daemon.curl("POST", "/jobs/\(plain)/resize", body: #"{"rows":0,"columns":4}"#).status == 400)
    }
  }

  /// A link that somebody follows, of whichever site, shows output and does nothing.
  @Test func aPageThatIsOpenedClaimsNothing() throws {
    try Daemon.with { daemon in
      let id = try create(daemon)
      for site in ["cross-site", "same-origin", "none"] {
        let fields = ["Sec-Fetch-Site: \(site)", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"]
        let browser = fields.flatMap { ["-H", $0] }
        let link = try daemon.curl("GET", "/jobs/\(id)/log?follow=1&writer=x&take_over=1", browser)
        #expect(link.status == 403 && link.text.contains("claims no terminal"), "\(site): \(link.text)")
        #expect(try daemon.curl("GET", "/jobs/\(id)/log", browser).status == 200)
      }
      #expect(try daemon.client().detail(id).writer == nil)
    }
  }

  @Test func aClaimNeedsTheRightsOfInput() throws {
    let roles = "{ clients: { bob: { role: 'viewer' } } }"
    try Daemon.with(Daemon(configuration: roles)) { daemon in
      let id = try create(daemon)
      let refused = try daemon.curl("GET", "/jobs/\(id)/log?follow=1&writer=bob", as: "bob")
      #expect(refused.status == 403 && refused.text.contains("your role, viewer"), "\(refused.text)")
      #expect(try daemon.curl("GET", "/jobs/\(id)/log", as: "bob").status == 200)
    }
  }

  @Test func theDetailTellsWhoWrites() throws {
    try Daemon.with { daemon in
      let (id, client) = (try create(daemon), daemon.client())
      #expect(try client.detail(id).writer == nil)
      let log = try claim(daemon, id, as: "alice")
      #expect(try client.detail(id).writer == "alice")
      try client.leave(id, as: "alice")
      #expect(try client.detail(id).writer == nil)
      let other = try claim(daemon, id, as: "bob")
      #expect(try client.detail(id).writer == "bob")
      #expect(try client.stop(id, grace: DurationText("0s")).status != .running)
      #expect(try client.detail(id).writer == nil)
      for reply in [log, other] { #expect(try reply.wait().status == 0) }
    }
  }

  @Test func theDetailTellsOfTheTerminal() throws {
    try Daemon.with { daemon in
      let id = try create(daemon)
      #expect(try daemon.client().detail(id).tty == TerminalSize(rows: 40, columns: 120))
      try daemon.client().feed(id, Array("hello\n".utf8), close: false)
      try Poll.until("what came to be told") { try daemon.client().detail(id).stdinBytes == 6 }
      let plain = try daemon.client().shell("sleep 1000")
      #expect(try daemon.client().detail(plain).stdinBytes == nil)
    }
  }
}

import Harness
import JobAPI
import JobClient
import Testing

/// A client sees the jobs it created, and nothing tells it that others exist.
@Suite(.serialized) struct OwnershipTests {
  /// Each request on a job, with what it needs of a body.
  private static func requests(_ id: String) -> [(String, String, String?)] {
    [
      ("GET", "/jobs/\(id)/status", nil), ("GET", "/jobs/\(id)/status?wait=1s", nil),
      ("GET", "/jobs/\(id)/output", nil),
      ("GET", "/jobs/\(id)", nil), ("GET", "/jobs/\(id)/stdout", nil),
      ("GET", "/jobs/\(id)/stderr?follow=1", nil),
      ("GET", "/jobs/\(id)/log", nil), ("GET", "/jobs/\(id)/log?follow=1", nil),
      ("DELETE", "/jobs/\(id)", nil),
      ("POST", "/jobs/\(id)/signal", #"{"signal":"KILL"}"#), ("POST", "/jobs/\(id)/stop", "{}"),
      ("PUT", "/jobs/\(id)/stdin", "x"), ("HEAD", "/jobs/\(id)/stdout", nil),
      ("HEAD", "/jobs/\(id)/stderr?follow=1", nil), ("HEAD", "/jobs/\(id)/log?follow=1", nil),
      ("HEAD", "/jobs/\(id)/status", nil), ("HEAD", "/jobs/\(id)/output", nil), ("HEAD", "/jobs/\(id)", nil),
      ("GET", "/jobs/\(id)/stdout?tail=1", nil), ("GET", "/jobs/\(id)/stderr?tail_bytes=1&follow=1", nil),
      ("PUT", "/jobs/\(id)/stdin?offset=0", "x"), ("POST", "/jobs/\(id)/stop", nil),
    ]
  }

  @Test func anotherClientsJobAnswersAsOneThatDoesNotExist() throws {
    try Daemon.with { daemon in
      let alice = daemon.client()
      var request = CreateRequest(cmd: "cat")
      request.stdinOpen = true
      let running = try alice.create(request)
      let finished = try alice.shell("echo secret")
      _ = try alice.end(of: finished)
      // Bob is a client with jobs of his own, not one that has none.
      _ = try daemon.client("bob").run("/bin/true")
      let unknown = "01a20dd9-cf1e-707e-8624-250b697e1403"
      for (number, request) in Self.requests(unknown).enumerated() {
        let expected = try daemon.curl(request.0, request.1, as: "bob", body: request.2)
        #expect(expected.status == 404, "\(request)")
        for id in [running, finished] {
          let other = Self.requests("\(id)")[number]
          let reply = try daemon.curl(other.0, other.1, as: "bob", body: other.2)
          #expect(reply.status == 404, "\(other)")
          // That of HEAD is the headers once more.
          if other.0 != "HEAD" { #expect(reply.body == expected.body, "\(other)") }
          #expect(
            reply.headers.split(separator: "\r\n").filter { !$0.hasPrefix("Date") }
              == expected.headers.split(separator: "\r\n").filter { !$0.hasPrefix("Date") })
        }
      }
      #expect(try alice.status(running).status == .running)
      #expect(try alice.output(finished).stdout == "secret\n")
      let list = try daemon.client("bob").list([:])
      #expect(list.jobs.count == 1)
      #expect(!(try daemon.curl("GET", "/events", as: "bob").text.contains("\(finished)")))
      #expect(try daemon.client("bob").list(["match": String("\(finished)".suffix(12))]).jobs.isEmpty)
    }
  }

  @Test func aKeyOfOneClientIsNotAnothers() throws {
    try Daemon.with { daemon in
      let request = CreateRequest(cmd: "/bin/true")
      let first = try daemon.client().create(request, key: "same")
      #expect(try daemon.client().create(request, key: "same") == first)
      #expect(try daemon.client("bob").create(request, key: "same") != first)
    }
  }
}

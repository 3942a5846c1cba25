import FoundationEssentials
import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// Clients of one worker take turns.
@Suite(.serialized) struct TurnTests {
  /// The search for the last lines goes through all of a stream that has none: here a sparse one that takes hours.
  @Test(arguments: ["", "&follow=1"]) func aSearchForTheLastLinesKeepsNobodyWaiting(query: String) throws {
    try Daemon.with(["--workers", "1"]) { daemon in
      let client = daemon.client()
      let id = try client.shell("echo here; exec sleep 1000")
      let file = "\(daemon.state)/output/\("\(id)".suffix(2))/\(id).stdout"
      try Poll.until("the line") { try client.output(id).stdout == "here\n" }
      try #require(truncate(file, 1 << 40) == 0)
      let searching = try daemon.rawClient()
      try searching.send("GET /jobs/\(id)/stdout?tail=9000000000\(query) HTTP/1.1\r\nHost: a\r\n\r\n")
      for other in [try daemon.rawClient("bob"), try daemon.rawClient()] {
        for _ in 0..<20 { #expect(try other.get("/jobs").status == 200) }
      }
      searching.hangUp()
      try #require(truncate(file, 5) == 0)
      #expect(try daemon.curl("GET", "/jobs/\(id)/stdout?tail=9000000000").text == "here\n")
      _ = try client.stop(id, grace: DurationText("0s"))
    }
  }

  /// Its first events too, before which it has no number; and another's do not come.
  @Test func aClientFollowsItsOwnEvents() throws {
    try Daemon.with { daemon in
      let (alice, bob) = (daemon.client("alice"), daemon.client("bob"))
      let connection = try Connection(alice.settings)
      try connection.send("GET", Route.events.target(["follow": "1"]))
      #expect(try connection.reply() == 200)
      for _ in 0..<5 { _ = try bob.run("/bin/true") }
      var ids: [JobID] = []
      for _ in 0..<2 { ids.append(try alice.run("/bin/true").0) }
      daemon.signal(SIGTERM)
      let lines = try String(decoding: connection.readAll(), as: UTF8.self).split(separator: "\n")
      let events = try lines.map { try JSONDecoder().decode(JobEvent.self, from: Data($0.utf8)) }
      #expect(events.map(\.id) == ids.flatMap { [$0, $0, $0] } && events.map(\.seq) == Array(1...6))
    }
  }
}

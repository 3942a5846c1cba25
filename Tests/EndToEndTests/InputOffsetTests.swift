import Harness
import JobAPI
import JobClient
import Testing

/// Standard input whose pieces say where they belong, so that what was not answered can be sent again.
@Suite(.serialized) struct InputOffsetTests {
  private func fed(_ daemon: Daemon) throws -> (JobClient, JobID) {
    var request = CreateRequest(cmd: "cat")
    request.stdinOpen = true
    let client = daemon.client()
    return (client, try client.create(request))
  }

  @Test func whatCameBeforeIsNotWrittenAgain() throws {
    try Daemon.with { daemon in
      let (client, id) = try fed(daemon)
      try client.feed(id, Array("abc".utf8), at: 0, close: false)
      try client.feed(id, Array("abc".utf8), at: 0, close: false)
      try client.feed(id, Array("bcde".utf8), at: 1, close: false)
      try client.feed(id, Array("f".utf8), close: false)
      try client.feed(id, Array("efg".utf8), at: 4, close: true)
      #expect(try client.end(of: id).exitCode == 0)
      #expect(try client.output(id).stdout == "abcdefg")
    }
  }

  @Test func aGapIsRefused() throws {
    try Daemon.with { daemon in
      let (client, id) = try fed(daemon)
      try client.feed(id, Array("abc".utf8), at: 0, close: false)
      let error = #expect(throws: ClientError.self) {
        try client.feed(id, Array("x".utf8), at: 4, close: true)
      }
      #expect(error?.description == "the input from byte 3 to 4 is missing")
      #expect(try daemon.curl("PUT", "/jobs/\(id)/stdin?offset=-1", body: "x").status == 400)
      try client.feed(id, [], at: 3, close: true)
      #expect(try client.end(of: id).exitCode == 0)
      #expect(try client.output(id).stdout == "abc")
    }
  }

  @Test func theLastPieceMayBeRepeated() throws {
    try Daemon.with { daemon in
      var request = CreateRequest(cmd: "sh", args: ["-c", "cat; sleep 1000"])
      request.stdinOpen = true
      let client = daemon.client()
      let id = try client.create(request)
      for _ in 0..<2 { try client.feed(id, Array("all".utf8), at: 0, close: true) }
      let error = #expect(throws: ClientError.self) {
        try client.feed(id, Array("more".utf8), at: 3, close: true)
      }
      #expect(error?.description.contains("standard input is closed") == true)
      try Poll.until("the echo") { try client.output(id).stdout == "all" }
      _ = try client.stop(id, grace: DurationText("0s"))
      #expect(try client.output(id).stdout == "all")
    }
  }
}

import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// Output while and after it is written.
@Suite(.serialized) struct StreamTests {
  /// A finished job with a hundred known bytes.
  private func hundredBytes(_ client: JobClient) throws -> (JobID, [UInt8]) {
    let bytes = (0..<10).map { "line \($0)...\n" }.joined().utf8
    let (id, _) = try client.run("printf", "%s", String(bytes))
    return (id, Array(bytes))
  }

  @Test func rangesOfAFinishedStream() throws {
    try Daemon.with { daemon in
      let (id, bytes) = try hundredBytes(daemon.client())
      let path = "/jobs/\(id)/stdout"
      let whole = try daemon.curl("GET", path)
      #expect(whole.status == 200)
      #expect(whole.body == bytes)
      #expect(whole.headers.contains("Accept-Ranges: bytes"))
      #expect(whole.headers.contains("Content-Type: application/octet-stream"))
      func range(_ text: String) throws -> CurlReply {
        try daemon.curl("GET", path, ["-H", "Range: bytes=\(text)"])
      }
      let middle = try range("10-19")
      #expect(middle.status == 206)
      #expect(middle.body == Array(bytes[10...19]))
      #expect(middle.headers.contains("Content-Range: bytes 10-19/\(bytes.count)"))
      #expect(try range("90-").body == Array(bytes[90...]))
      #expect(try range("-5").body == Array(bytes.suffix(5)))
      #expect(try range("90-100000").body == Array(bytes[90...]))
      #expect(try range("\(bytes.count)-").status == 416)
      for malformed in ["9-3", "+1-3", "a-", "-", "1", "0-1,3-4"] {
        #expect(try range(malformed).status == 200, "\(malformed) is ignored (RFC 9110, section 14.2)")
      }
      #expect(try range("0-99999999999999999999").body == bytes)
      #expect(try range("-0").status == 416)
      let tag = try #require(whole.headers.split(separator: "\r\n").first { $0.hasPrefix("ETag: ") })
        .dropFirst(6)
      for match in ["\(tag)", "W/\(tag)", "\"a\", \(tag)", "*"] {
        #expect(try daemon.curl("GET", path, ["-H", "If-None-Match: \(match)"]).status == 304, "\(match)")
      }
      #expect(try daemon.curl("GET", path, ["-H", "If-None-Match: \"a\""]).status == 200)
      let stale = try daemon.curl("GET", path, ["-H", "Range: bytes=0-1", "-H", "If-Range: \"other\""])
      #expect(stale.status == 200)
      let head = try daemon.curl("HEAD", path, ["-H", "Range: bytes=0-1"])
      #expect(head.status == 200 && head.headers.contains("Content-Length: \(bytes.count)"))
    }
  }

  @Test func theEndOfAStream() throws {
    try Daemon.with { daemon in
      let (id, bytes) = try hundredBytes(daemon.client())
      func get(_ query: String) throws -> CurlReply { try daemon.curl("GET", "/jobs/\(id)/stdout?\(query)") }
      for query in ["tail=2", "offset=5", "tail_bytes=1"] {
        let part = try get(query)
        #expect(part.status == 200 && !part.headers.contains("Content-Range"), "no Range was asked for")
      }
      #expect(try get("tail=2").body == Array(bytes.suffix(20)))
      #expect(try get("tail=0").body.isEmpty)
      #expect(try get("tail=1000").body == bytes)
      #expect(try get("tail_bytes=7").body == Array(bytes.suffix(7)))
      #expect(try get("offset=50").body == Array(bytes[50...]))
      #expect(try get("tail=1&offset=3").status == 400)
      #expect(try get("tail=-1").status == 400)
      #expect(try get("follow=maybe").status == 400)
    }
  }

  @Test func aFollowerGetsAllAndEndsWithTheJob() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let id = try client.shell("echo early; sleep 0.7; echo late; sleep 0.3; exit 2")
      try Poll.until("the first line") { try !client.output(id).stdout.isEmpty }
      let followed = try daemon.curl("GET", "/jobs/\(id)/stdout?follow=1")
      #expect(followed.text == "early\nlate\n")
      #expect(try client.status(id).exitCode == 2)
      #expect(try daemon.curl("GET", "/jobs/\(id)/stdout?follow=1&offset=6").text == "late\n")
      func follow(_ query: String) throws -> String {
        try daemon.curl("GET", "/jobs/\(id)/stdout?follow=1&\(query)").text
      }
      #expect(try follow("tail=1") == "late\n" && follow("tail_bytes=3") == "te\n")
      #expect(try follow("tail=0").isEmpty && follow("offset=1000").isEmpty)
      // Of a stream that never had a byte.
      #expect(try daemon.curl("GET", "/jobs/\(id)/stderr?follow=1").text.isEmpty)
    }
  }

  @Test func aFollowerMayBeginAtTheEnd() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      var request = CreateRequest(cmd: "cat")
      request.stdinOpen = true
      let id = try client.create(request)
      try client.feed(id, Array("one\ntwo\nthree\n".utf8), close: false)
      try Poll.until("the echo") { try client.output(id).stdout == "one\ntwo\nthree\n" }
      let queries = ["tail": "2", "tail_bytes": "3", "offset": "10"]
      let followers = try queries.map { name, value in
        let connection = try Connection(client.settings)
        try connection.send("GET", Route.stdout.target(id, ["follow": "1", name: value]))
        #expect(try connection.reply() == 200)
        return (name, connection)
      }
      // Each has begun once its first bytes are here.
      var first: [String: [UInt8]] = [:]
      for (name, connection) in followers {
        let wanted = ["tail": 10, "tail_bytes": 3, "offset": 4][name]!
        first[name] = try connection.readSome(wanted)
      }
      try client.feed(id, Array("four\n".utf8), close: true)
      let expected = ["tail": "two\nthree\nfour\n", "tail_bytes": "ee\nfour\n", "offset": "ree\nfour\n"]
      for (name, connection) in followers {
        let all = try first[name]! + connection.readAll()
        #expect(String(decoding: all, as: UTF8.self) == expected[name], "\(name)")
      }
    }
  }

  @Test func aThousandFollowersOfOneJobGetTheSameBytes() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let id = try client.shell("i=0; while [ $i -lt 20 ]; do echo line $i; sleep 0.2; i=$((i+1)); done")
      let request = Route.stdout.target(id, ["follow": "1"])
      let followers = try (0..<1000).map { _ in
        let connection = try Connection(client.settings)
        try connection.send("GET", request)
        return connection
      }
      let expected = Array((0..<20).map { "line \($0)\n" }.joined().utf8)
      for follower in followers {
        #expect(try follower.reply() == 200)
        #expect(try follower.readAll() == expected)
      }
    }
  }

  @Test func twoHundredJobsAreFollowedAtOnce() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let followers = try (0..<200).map { number in
        let id = try client.shell("echo a\(number); sleep 0.5; echo b\(number)")
        let connection = try Connection(client.settings)
        try connection.send("GET", Route.stdout.target(id, ["follow": "1"]))
        return connection
      }
      for (number, follower) in followers.enumerated() {
        #expect(try follower.reply() == 200)
        #expect(try follower.readAll() == Array("a\(number)\nb\(number)\n".utf8))
      }
    }
  }

  /// Much at once, and little by little: each piece wakes the follower.
  @Test(arguments: [
    (Route.stdout, "sleep 0.3; head -c 300000000 /dev/zero", 300_000_000),
    (.log, "sleep 0.3; for i in $(seq 600); do head -c 64000 /dev/zero; sleep 0.002; done", 38_400_000),
  ]) func aFollowerThatDoesNotReadHoldsNothing(route: Route, script: String, bytes: UInt64) throws {
    try Daemon.with(["--output-limit", "1GiB"]) { daemon in
      let client = daemon.client()
      let id = try client.shell(script)
      let stalled = try Connection(client.settings)
      try stalled.send(
        "GET", route.target(id, ["follow": "1"]), headers: "Accept: \(MediaType.frames)\r\n")
      #expect(try stalled.reply() == 200)
      let memory = Processes.resident(daemon.apiPid)
      #expect(try client.end(of: id).exitCode == 0)
      #expect(try client.detail(id).stdoutBytes == bytes)
      #expect(Processes.resident(daemon.apiPid) - memory < 16 * 1024)
      // It gets all of it when it reads after all.
      var count: UInt64 = 0
      var block = [UInt8](repeating: 0, count: 1 << 20)
      while true {
        let got = try block.withUnsafeMutableBytes { try stalled.read(into: $0) }
        if got == 0 { break }
        count += UInt64(got)
      }
      #expect(route == .stdout ? count == bytes : count > bytes)
    }
  }

  @Test func aFollowerThatGoesAwayIsFreed() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let id = try client.shell("sleep 1000")
      let before = Processes.descriptors(daemon.apiPid)
      var followers: [Connection] = try (0..<20).map { _ in
        let connection = try Connection(client.settings)
        try connection.send("GET", Route.stdout.target(id, ["follow": "1"]))
        #expect(try connection.reply() == 200)
        return connection
      }
      #expect(Processes.descriptors(daemon.apiPid) >= before + 20)
      followers.removeAll()
      try Poll.until("the connections to be freed") { Processes.descriptors(daemon.apiPid) <= before }
    }
  }

  @Test func theCombinedLogKeepsTheOrderOfArrival() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let lines = (1...3).flatMap { [(OutputStream.stdout, "out \($0)"), (.stderr, "err \($0)")] }
      let id = try client.written(in: lines, last: "printf '\\377\\376'")
      let log = try daemon.curl("GET", "/jobs/\(id)/log").text.split(separator: "\n")
      #expect(log.count == 7)
      let order = log.prefix(6).map { $0.contains(#""stream":"stdout""#) ? "o" : "e" }.joined()
      #expect(order == "oeoeoe")
      #expect(log[6].contains(#""base64":"//4=""#))
      #expect(log.allSatisfy { $0.contains(#""time":"20"#) })
      let tail = try daemon.curl("GET", "/jobs/\(id)/log?tail=2").text
      #expect(tail.contains("err 3"))
      #expect(!tail.contains("out 2"))
      #expect(try daemon.curl("GET", "/jobs/\(id)/log?since=2099-01-01T00:00:00Z").text.isEmpty)
      #expect(try daemon.curl("GET", "/jobs/\(id)/log?since=1h").text.split(separator: "\n").count == 7)
      #expect(try daemon.curl("GET", "/jobs/\(id)/log?since=yesterday").status == 400)
    }
  }

  @Test func aLogOfManyPiecesIsWholeWhenFollowedAndAfterwards() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let script =
        "i=0; while [ $i -lt 700 ]; do echo o$i; sleep 0.0015; echo e$i >&2; sleep 0.0015; i=$((i+1)); done"
      let id = try client.shell(script)
      let expected = ((0..<700).map { "o\($0)\n" }.joined(), (0..<700).map { "e\($0)\n" }.joined())
      let followed = try daemon.jobctl("logs", "-f", "\(id)")
      #expect((followed.text, followed.errorText) == expected)
      let after = try daemon.jobctl("logs", "\(id)")
      #expect((after.text, after.errorText) == expected)
    }
  }

  @Test func manyWaitersAreAnsweredWhenTheJobEnds() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let id = try client.shell("read x < /dev/null; sleep 4; exit 3")
      let request = Route.status.target(id, ["wait": "60s"])
      let waiters = try (0..<1000).map { _ in
        let connection = try Connection(client.settings)
        try connection.send("GET", request)
        return connection
      }
      for waiter in waiters {
        #expect(try waiter.reply() == 200)
        #expect(
          try waiter.readAll() == Array(#"{"status":"completed","exit_code":3,"ended_by":"exit"}"#.utf8))
      }
    }
  }

  /// On connections of their own, as ten thousand clients have them.
  @Test func tenThousandWaitersCostLittle() throws {
    try Daemon.with { daemon in
      let count = 10_000
      let client = daemon.client()
      let id = try client.shell("sleep 1000")
      let threads = Processes.threads(daemon.apiPid)
      let descriptors = Processes.descriptors(daemon.apiPid)
      let memory = (Processes.resident(daemon.pid), Processes.resident(daemon.apiPid))
      // Times are of one length.
      let stopped = #""ended_by":"stop","stopped_by":{"client":"alice","time":"\#(TimeText.text(0))"}"#
      let expected = #"{"status":"completed","exit_code":137,"signal":9,\#(stopped)}"#
      // One request a connection, each of which must be answered so; it does not end before.
      let waiters = try daemon.startLoad([
        "download", "--path", Route.status.target(id, ["wait": "1h"]), "--connections", "\(count)", "--bytes",
        "\(expected.utf8.count)",
      ])
      try Poll.until("the connections", seconds: 300) {
        waiters.hasEnded || Processes.descriptors(daemon.apiPid) >= descriptors + count
      }
      try Processes.waitUntilIdle(waiters.pid)
      try Processes.waitUntilIdle(daemon.apiPid)
      #expect(!waiters.hasEnded && Processes.threads(daemon.apiPid) == threads)
      #expect((Processes.resident(daemon.apiPid) - memory.1) / count < 40, "KiB a waiter")
      #expect(Processes.resident(daemon.pid) - memory.0 < 8 * 1024)
      _ = try client.stop(id, grace: DurationText("0s"))
      let done = try waiters.wait(seconds: 300)
      #expect(done.status == 0 && done.text.contains("\"done\":\(count),"), "\(done.errorText) \(done.text)")
      try Poll.until("the connections to be freed") { Processes.descriptors(daemon.apiPid) <= descriptors }
    }
  }

  @Test func aWaitEndsWithItsTime() throws {
    try Daemon.with { daemon in
      let id = try daemon.client().shell("sleep 1000")
      let begin = Poll.now()
      #expect(try daemon.curl("GET", "/jobs/\(id)/status?wait=100ms").text == #"{"status":"running"}"#)
      #expect(Poll.now() - begin >= 0.1)
      #expect(try daemon.curl("GET", "/jobs/\(id)/status?wait=0s").text == #"{"status":"running"}"#)
      #expect(try daemon.curl("GET", "/jobs/\(id)/status?wait=soon").status == 400)
    }
  }
}

extension Connection {
  /// Reads `count` bytes of a reply's body.
  fileprivate func readSome(_ count: Int) throws -> [UInt8] {
    var bytes: [UInt8] = []
    var block = [UInt8](repeating: 0, count: count)
    while bytes.count < count {
      let got = try block.withUnsafeMutableBytes { buffer in
        try read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<(count - bytes.count)]))
      }
      guard got > 0 else { return bytes }
      bytes += block[..<got]
    }
    return bytes
  }
}

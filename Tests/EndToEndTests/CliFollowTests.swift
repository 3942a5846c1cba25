import FoundationEssentials
import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// `jobctl logs`, `wait` and `output`.
@Suite(.serialized) struct CliFollowTests {
  @Test func logsShowPartsWithTimes() throws {
    try Daemon.with { daemon in
      let lines = (1...3).flatMap { [(OutputStream.stdout, "o\($0)"), (.stderr, "e\($0)")] }
      let id = try daemon.client().written(in: lines)
      let all = try daemon.jobctl("logs", "\(id)")
      #expect((all.text, all.errorText) == ("o1\no2\no3\n", "e1\ne2\ne3\n"))
      let tail = try daemon.jobctl("logs", "-n", "3", "\(id)")
      #expect((tail.text, tail.errorText) == ("o3\n", "e2\ne3\n"))
      #expect(try daemon.jobctl("logs", "--since", "0s", "\(id)").text.isEmpty)
      #expect(try daemon.jobctl("logs", "--since", "1h", "-f", "\(id)").text == "o1\no2\no3\n")
      let timed = try daemon.jobctl("logs", "-t", "\(id)").text.split(separator: "\n")
      #expect(timed.count == 3)
      for (line, text) in zip(timed, ["o1", "o2", "o3"]) {
        let parts = line.split(separator: " ")
        #expect(parts.count == 2 && TimeText.microseconds(String(parts[0])) != nil && parts[1] == text)
      }
      #expect(timed == timed.sorted())
      let chunks = try daemon.jobctl("logs", "-o", "json", "\(id)").text.split(separator: "\n").map {
        try JSONDecoder().decode(LogChunk.self, from: Data($0.utf8))
      }
      #expect(chunks.filter { $0.stream == .stderr }.compactMap(\.text).joined() == "e1\ne2\ne3\n")
      #expect(try daemon.jobctl("logs", "--since", "yesterday", "\(id)").status == 120)
    }
  }

  @Test func logsFollowOverKilledApiProcesses() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let id = try client.shell("for i in $(seq 300); do echo o$i; echo e$i >&2; sleep 0.01; done")
      let plain = try daemon.startJobctl(["logs", "-f", "\(id)"])
      let timed = try daemon.startJobctl(["logs", "-ft", "--tail", "5", "\(id)"])
      for _ in 0..<4 {
        let size = plain.output.count
        try Poll.until("the log to go on") { plain.output.count > size || plain.hasEnded }
        kill(daemon.apiPid, SIGKILL)
      }
      let done = try plain.wait()
      #expect(done.status == 0 && done.text == (1...300).map { "o\($0)\n" }.joined())
      #expect(done.errorText == (1...300).map { "e\($0)\n" }.joined())
      let last = try timed.wait()
      for (text, letter) in [(last.text, "o"), (last.errorText, "e")] {
        let lines = text.split(separator: "\n").map { $0.split(separator: " ").last! }
        #expect(
          lines.elementsEqual((301 - lines.count...300).map { "\(letter)\($0)"[...] }),
          "no gap, nothing twice")
      }
    }
  }

  @Test func waitTellsHowJobsEnded() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let good = try client.shell("sleep 0.2")
      let bad = try client.shell("sleep 0.1; exit 6")
      let both = try daemon.jobctl("wait", "\(good)", "\(bad)")
      #expect(both.status == 6)
      #expect(both.text == "\(good) completed, exit code 0\n\(bad) completed, exit code 6\n")
      #expect(try daemon.jobctl("wait", "\(good)").status == 0)
      let (missing, _) = try client.run("/nonexistent")
      #expect(try daemon.jobctl("wait", "\(missing)").status == 127)
      let forever = try client.shell("sleep 1000")
      let late = try daemon.jobctl("wait", "--timeout", "100ms", "\(good)", "\(forever)")
      #expect(late.status == 124 && late.text.hasPrefix("\(good) "))
      #expect(try daemon.jobctl("wait", "\(good)", as: "bob").status == 123)
    }
  }

  @Test func waitAnyReturnsWithTheFirst() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let forever = try client.shell("sleep 1000")
      let waiting = try daemon.startJobctl([
        "wait", "--any", "\(forever)", "\(try client.shell("sleep 0.5; exit 4"))",
      ])
      let first = try waiting.wait()
      #expect(first.status == 4 && !first.text.contains("\(forever)"))
      #expect(try daemon.jobctl("wait", "--any", "--timeout", "200ms", "\(forever)").status == 124)
      let interrupted = try daemon.startJobctl(["wait", "--any", "-o", "json", "\(forever)"])
      try daemon.waitForLog("event=")
      kill(daemon.apiPid, SIGKILL)
      let bridge = Bridge(client)
      bridge.reached()
      _ = try bridge.call { try client.stop(forever, grace: DurationText("0s")) }
      let done = try interrupted.wait()
      #expect(done.status == 137 && done.text.contains(#""signal":9"#), "\(done.errorText)")
    }
  }

  @Test func statusWaitsLongerThanTheServerMayBeSilent() throws {
    try Daemon.with { daemon in
      let id = try daemon.client().shell("sleep 5; exit 8")
      let done = try daemon.jobctl("status", "--reply-timeout", "2s", "--wait", "1m", "\(id)")
      #expect((done.status, done.text) == (0, "completed, exit code 8\n"), "\(done.errorText)")
    }
  }

  @Test func outputIsByteExact() throws {
    try Daemon.with { daemon in
      let id = try daemon.client().shell("head -c 3000000 /dev/urandom | tee /dev/stderr")
      #expect(try daemon.jobctl("wait", "\(id)").status == 0)
      let done = try daemon.jobctl("output", "\(id)")
      #expect(done.output.count == 3_000_000 && done.output == done.errors)
      #expect(try daemon.client().bytes(.stdout, id) == done.output)
    }
  }
}

import FoundationEssentials
import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// What running jobs use.
@Suite(.serialized) struct UsageTests {
  private func used(_ usage: ResourceUsage?) -> Int64 {
    usage.map { $0.userMicroseconds + $0.systemMicroseconds } ?? -1
  }

  @Test func usageOfARunningJobGrows() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let id = try client.shell("while :; do :; done")
      var last: Int64 = -1
      for _ in 0..<3 {
        try Poll.until("CPU time to grow") { try used(client.detail(id).usage) > max(last, 0) }
        last = try used(client.detail(id).usage)
      }
      #expect(try client.detail(id).usage?.memoryBytes ?? 0 > 4096)
      // By the next supervisor too.
      try daemon.waitUntilHeld(1)
      try daemon.killSupervisor()
      #expect(try used(daemon.client().detail(id).usage) >= last)
      _ = try daemon.client().stop(id)
      let ended = try #require(try daemon.client().detail(id).usage)
      #expect(ended.memoryBytes == nil && used(ended) >= last)
    }
  }

  @Test func aListTellsItWhereItIsAskedTo() throws {
    try Daemon.with { daemon in
      let (client, other) = (daemon.client(), daemon.client("bob"))
      let running = try (0..<40).map { _ in try client.shell("exec sleep 1000") }
      _ = try other.shell("exec sleep 1000")
      let (ended, _) = try client.run("true")
      try Poll.until("their processes") {
        try client.list(["state": "running"]).jobs.allSatisfy { $0.pid != nil }
      }
      #expect(try client.list(["state": "running"]).jobs.allSatisfy { $0.usage == nil })
      let jobs = try client.list(["usage": "1"]).jobs
      #expect(Set(jobs.map(\.id)) == Set(running + [ended]))
      for job in jobs where job.status == .running { #expect(job.usage?.memoryBytes ?? 0 > 0) }
      #expect(try client.list(["usage": "1", "state": "completed"]).jobs.map(\.id) == [ended])
      #expect(try daemon.curl("GET", "/jobs?usage=x").status == 400)
    }
  }

  @Test func psShowsItWhereThereIsRoom() throws {
    try Daemon.with { daemon in
      let id = try daemon.client().shell("while :; do :; done")
      var line: [Substring] = []
      try Poll.until("its CPU time") {
        let lines = try daemon.jobctl("ps", "-o", "wide").text.split(separator: "\n")
        #expect(lines.count == 2 && lines[0].contains("  CPU  ") && lines[0].contains("  MEMORY  "))
        line = lines[1].split(separator: " ")
        return !line.contains("0.0s") && line.contains { $0.hasSuffix("s") && $0.first?.isNumber == true }
      }
      #expect(line.first?[...] == "\(id)"[...] && line.contains("MiB") || line.contains("KiB"), "\(line)")
    }
  }

  @Test func topPrintsOneTable() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let idle = try client.shell("exec sleep 1000")
      let busy = try client.shell("while :; do :; done")
      try Poll.until("their processes") { try client.list().jobs.allSatisfy { $0.pid != nil } }
      let done = try daemon.jobctl("top", "--interval", "500ms")
      let lines = done.text.split(separator: "\n").map { $0.split(separator: " ") }
      #expect(done.status == 0 && lines.count == 4, "\(done.text) \(done.errorText)")
      #expect(lines[0].prefix(3) == ["2", "jobs", "run,"] && lines[1].first == "ID")
      #expect(lines[2][0] == "\(busy)".suffix(12) && lines[3][0] == "\(idle)".suffix(12))
      #expect((Double(lines[2][1]) ?? 0) > 1 && !done.text.contains("\u{1b}"))
      let json = try daemon.jobctl("top", "-o", "json", "--sort", "memory", "--interval", "100ms")
      #expect(json.text.split(separator: "\n").count == 2 && json.text.contains(#""cpu_percent":"#))
      for wrong in [["--sort", "age"], ["--interval", "0s"], ["x"]] {
        #expect(try daemon.startJobctl(["top"] + wrong).wait().status == 120)
      }
    }
  }

  @Test func topGoesOnOverAnotherApiProcess() throws {
    try Daemon.with { daemon in
      _ = try daemon.client().shell("exec sleep 1000")
      let top = try daemon.startJobctl(["top", "--once", "--interval", "2s"])
      kill(daemon.apiPid, SIGKILL)
      let done = try top.wait()
      #expect(done.status == 0 && done.text.hasPrefix("1 job runs"), "\(done.text) \(done.errorText)")
    }
  }

  @Test func topSaysThatTheConnectionIsLostAndGoesOn() throws {
    try Daemon.with { daemon in
      let id = try daemon.client().shell("exec sleep 1000")
      let environment = daemon.jobctlEnvironment("alice").merging(["TERM": "xterm"]) { $1 }
      let top = try Running(
        "script",
        ["-qfec", "stty cols 100 rows 10; exec '\(Programs.jobctl)' top --interval 100ms", "/dev/null"],
        environment: environment, directory: daemon.scratch)
      try Poll.until("the table") { top.text.contains("1 job runs") && top.text.contains("\(id)".suffix(12)) }
      let port = daemon.port
      daemon.kill()
      try Poll.until("the note") { top.text.contains("the connection is lost, and tried again: ") }
      try daemon.start(port: port)
      try Poll.until("another table") { top.text.contains("0 jobs run") }
      // Also a signal leaves the terminal as it was.
      for pid in Processes.descendants(top.pid) { kill(pid, SIGTERM) }
      #expect(try top.wait().text.hasSuffix("\u{1b}[?25h\u{1b}[?1049l"))
    }
  }

  /// On a terminal it has another screen, which the key q gives back.
  @Test func topFitsTheTerminalAndGivesItBack() throws {
    try Daemon.with { daemon in
      for _ in 0..<20 {
        _ = try daemon.client().shell("exec sleep 1000 # \(String(repeating: "x", count: 80))")
      }
      let environment = daemon.jobctlEnvironment("alice").merging(["TERM": "xterm"]) { $1 }
      let command = "stty cols 40 rows 10; '\(Programs.jobctl)' top; echo; stty -a"
      let done = try Running(
        "script", ["-qec", command, "/dev/null"], environment: environment, input: Array("q".utf8),
        directory: daemon.scratch
      ).wait()
      let parts = done.text.split(separator: "\u{1b}[?1049l")
      #expect(done.text.contains("\u{1b}[?1049h\u{1b}[?25l\u{1b}[H20 jobs run"), "\(done.text)")
      #expect(parts.count == 2 && parts[0].hasSuffix("\u{1b}[?25h"))
      #expect(parts.last?.contains(" icanon") == true && parts.last?.contains(" echo ") == true, "\(parts)")
      let screen = parts[0].split(separator: "\u{1b}[H").last ?? ""
      let lines = screen.split(separator: "\r\n").map { $0.replacing("\u{1b}[K", with: "") }
      #expect(lines.count <= 10 && lines.contains { $0.hasPrefix("... and 1") }, "\(lines)")
      for line in lines where !line.contains("\u{1b}") { #expect(line.count <= 40, "\(line)") }
    }
  }
}

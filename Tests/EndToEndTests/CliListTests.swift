import FoundationEssentials
import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// The commands of jobctl that look at jobs, and those that end them.
@Suite(.serialized) struct CliListTests {
  /// What is printed on a terminal of so many columns.
  private func onTerminal(
    _ daemon: Daemon, columns: Int, _ command: String, _ variables: [String: String] = [:]
  ) throws -> [Substring] {
    let environment = daemon.jobctlEnvironment("alice").merging(["TERM": "xterm"]) { $1 }.merging(variables) {
      $1
    }
    let done = try Running(
      "script", ["-qec", "stty cols \(columns); '\(Programs.jobctl)' \(command)", "/dev/null"],
      environment: environment, directory: daemon.scratch
    ).wait()
    return done.text.split(separator: "\r\n")
  }

  @Test func psShowsWhatRuns() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let (ended, _) = try client.run("sh", "-c", "exit 7")
      let running = try client.create(CreateRequest(cmd: "sleep", args: [String(repeating: "1", count: 200)]))
      let lines = try daemon.jobctl("ps").text.split(separator: "\n")
      #expect(
        lines.count == 2 && lines[0].hasPrefix("ID  ")
          && lines[1].hasPrefix("\("\(running)".suffix(12))  running"))
      #expect(lines[1].hasSuffix(String(repeating: "1", count: 200)), "a pipe has no width")
      #expect(try daemon.jobctl("ps", "-aq").text == "\(running)\n\(ended)\n")
      #expect(try daemon.jobctl("ps", "--all", "-q", "--limit", "1").text == "\(running)\n")
      for (line, words) in [
        ("-q -o json", "--quiet excludes --output json"), ("-qo wide", "--quiet excludes --output wide"),
        ("-w -o json", "--watch excludes --output json"),
      ] {
        let refused = try daemon.startJobctl(["ps"] + line.split(separator: " ").map(String.init)).wait()
        #expect(refused.status == 120 && refused.errorText.contains(words), "\(refused.errorText)")
      }
      #expect(try daemon.jobctl("ps", "-q", "-o", "text").text == "\(running)\n")
      #expect(try daemon.jobctl("ps", "-q", "--filter", "state=completed").text == "\(ended)\n")
      #expect(try daemon.jobctl("ps", "-aq", "--filter", "since=0s").text.isEmpty)
      #expect(try daemon.jobctl("ps", as: "bob").text.split(separator: "\n").count == 1)
      let json = try daemon.jobctl("ps", "-a", "-o", "json").text.split(separator: "\n")
      let details = try json.map { try JSONDecoder().decode(JobDetail.self, from: Data($0.utf8)) }
      #expect(details.map(\.id) == [running, ended] && details[1].exitCode == 7)
      #expect(try daemon.jobctl("ps", "-o", "wide").text.contains("\(running)"))
      let shown = try onTerminal(daemon, columns: 60, "ps")
      #expect(shown.count == 2 && shown[1].hasSuffix("1…"))
      #expect(shown[1].filter { $0 != "\u{1b}" }.count == 60 + "[32m[0m".count, "\(shown)")
      let plain = try onTerminal(daemon, columns: 60, "ps", ["NO_COLOR": "1"])
      #expect(plain[1].count == 60 && !plain[1].contains("\u{1b}"))
    }
  }

  @Test func psFiltersByLabel() throws {
    try Daemon.with { daemon in
      let id = try daemon.jobctl("start", "-l", "stage=a", "-l", "x=1", "sleep", "1000").text
      _ = try daemon.jobctl("start", "-l", "stage=b", "sleep", "1000")
      #expect(try daemon.jobctl("ps", "-q", "--filter", "label=stage=a", "--filter", "label=x=1").text == id)
      #expect(
        try daemon.jobctl("ps", "-q", "--filter", "label=stage=a", "--filter", "label=x=2").text.isEmpty)
      for wrong in ["nosuch=1", "state=x", "since=x", "label"] {
        #expect(try daemon.jobctl("ps", "--filter", wrong).status == 120)
      }
    }
  }

  @Test func idsMayBeShortened() throws {
    try Daemon.with { daemon in
      let ids = try (0..<3).map { _ in try daemon.client().run("/bin/true").0 }
      for id in ids { #expect(try daemon.jobctl("status", String("\(id)".suffix(12))).status == 0) }
      #expect(try daemon.jobctl("status", "\(ids[0])").status == 0)
      let many = try daemon.jobctl("status", String("\(ids[0])".prefix(4)))
      #expect(many.status == 120 && many.errorText.contains("several jobs"))
      for id in ids {
        #expect(many.errorText.contains("\n  \(id)  completed  /bin/true\n"), "\(many.errorText)")
      }
      #expect(try daemon.jobctl("status", "nothex").status == 120)
      #expect(try daemon.jobctl("status", String("\(ids[0])".suffix(12)), as: "bob").status == 123)
    }
  }

  @Test func inspectTellsAll() throws {
    try Daemon.with { daemon in
      let (id, _) = try daemon.client().run("sh", "-c", "echo four")
      let pretty = try daemon.jobctl("inspect", "\(id)")
      #expect(pretty.text.contains("\n  \"stdout_bytes\" : 5,\n"))
      let line = try daemon.jobctl("inspect", "-o", "json", "\(id)", "\(id)").text.split(separator: "\n")
      #expect(line.count == 2)
      #expect(try JSONDecoder().decode(JobDetail.self, from: Data(line[0].utf8)).stdoutBytes == 5)
    }
  }

  @Test func oneFailureDoesNotKeepTheOthers() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let (ended, _) = try client.run("/bin/true")
      let running = try client.shell("sleep 1000")
      let unknown = "01a20dd9-cf1e-707e-8624-250b697e1403"
      let done = try daemon.jobctl("rm", unknown, "\(running)", "\(ended)")
      #expect(done.status == 123 && done.errorText.contains("\(unknown): there is no such job"))
      #expect(done.errorText.contains("\(running): it still runs"))
      #expect(try client.list().jobs.map(\.id) == [running])
      #expect(try daemon.jobctl("rm", "--force", "\(running)").status == 0)
      #expect(try client.list().jobs.isEmpty)
    }
  }

  @Test func rmAllFinishedLeavesWhatRuns() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      for _ in 0..<4 { _ = try client.run("/bin/true") }
      _ = try client.run("/nonexistent")
      let running = try client.shell("sleep 1000")
      #expect(try daemon.jobctl("rm", "--all-finished").text == "removed 5 jobs\n")
      #expect(try client.list().jobs.map(\.id) == [running])
      #expect(try daemon.jobctl("rm").status == 120)
    }
  }

  @Test func stopStopsSeveralAtOnce() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let ids = try (0..<20).map { _ in
        try client.shell("trap '' TERM; echo up; while :; do sleep 0.05; done")
      }
      for id in ids { try Poll.until("the trap") { try client.output(id).stdout == "up\n" } }
      let done = try daemon.startJobctl(["stop", "--grace", "300ms", "-o", "json"] + ids.map { "\($0)" })
        .wait()
      #expect(done.status == 0)
      let killed = done.text.split(separator: "\n").filter { $0.contains(#""signal":9"#) }
      #expect(killed.count == ids.count)
      for id in ids { #expect(try client.status(id).signal == SIGKILL) }
    }
  }

  @Test func signalsAreSentByNameAndNumber() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let id = try client.shell("trap 'echo usr' USR1; echo up; while :; do sleep 0.02; done")
      try Poll.until("the trap") { try client.output(id).stdout == "up\n" }
      #expect(try daemon.jobctl("signal", "usr1", "\(id)").status == 0)
      try Poll.until("the signal") { try client.output(id).stdout == "up\nusr\n" }
      #expect(try daemon.jobctl("signal", "--tree", "9", "\(id)").status == 0)
      #expect(try client.end(of: id).signal == 9)
      #expect(try daemon.jobctl("signal", "NOPE", "\(id)").status == 120)
      #expect(try daemon.jobctl("signal", "TERM", "\(id)").status == 125, "it has ended")
    }
  }

  @Test func eventsAreToldInWords() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let (id, _) = try client.run("sh", "-c", "exit 2")
      try client.delete(id)
      var lines: [Substring] = []
      try Poll.until("the events") {
        lines = try daemon.jobctl("events").text.split(separator: "\n")
        return lines.count == 4
      }
      for (line, word) in zip(lines, ["created", "started", "finished", "deleted"]) {
        #expect(line.contains("  \(word) ") && line.contains("\(id)"))
      }
      #expect(lines[2].hasSuffix("completed, exit code 2"))
      let first = String(lines[0].prefix { $0 != " " })
      #expect(
        try daemon.jobctl("events", "--after", first).text.split(separator: "\n") == Array(lines.dropFirst()))
      #expect(try daemon.jobctl("events", "--after", "now").text.isEmpty)
      #expect(try daemon.jobctl("events", "--after", "x").status == 120)
    }
  }
}

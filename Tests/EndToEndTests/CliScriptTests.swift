import FoundationEssentials
import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// What scripts build upon: exit statuses of commands that cannot be run, one form of filters, the environment.
@Suite(.serialized) struct CliScriptTests {
  @Test func aCommandThatCannotBeRunHasTheStatusOfAShell() throws {
    try Daemon.with { daemon in
      let plain = "\(daemon.scratch.path)/plain"
      try Files.write(Array("no program".utf8), to: plain, mode: 0o644)
      for (command, code, words) in [
        ("nosuchprogram", 127, "No such file"), ("/nonexistent/a", 127, "No such file"),
        (plain, 126, "Permission denied"), ("/", 126, "Permission denied"),
        ("/etc/hosts/a", 126, "Not a directory"),
      ] as [(String, Int32, String)] {
        let done = try daemon.jobctl("run", command)
        #expect(done.status == code && done.errorText.contains(words), "\(command): \(done.errorText)")
      }
      let id = try daemon.jobctl("start", "nosuchprogram").text.filter { $0 != "\n" }
      #expect(try daemon.jobctl("wait", id).status == 127)
      #expect(try daemon.jobctl("wait", "--any", id).status == 127)
      let status = try daemon.client().status(try #require(JobID(id)))
      #expect(status.status == .error && status.errorCode == .notFound)
      #expect(try daemon.client().detail(try #require(JobID(id))).errorCode == .notFound)
      #expect(try daemon.jobctl("events", "-o", "json").text.contains(#""error_code":"command_not_found""#))
      #expect(try daemon.jobctl("run", "--cwd", "/nonexistent", "true").status == 125, "that is no command")
    }
  }

  @Test func aLineForAShellIsSeenToBeOne() throws {
    try Daemon.with { daemon in
      let words = try daemon.jobctl("run", "ls -l /tmp")
      #expect(words.status == 127 && words.errorText.contains("a word of its own: ls -l /tmp\n"))
      let pipe = try daemon.jobctl("run", "ls | wc")
      #expect(pipe.status == 127 && pipe.errorText.contains("sh -c 'ls | wc'\n"), "\(pipe.errorText)")
      #expect(try daemon.jobctl("run", "nosuchprogram").errorText.split(separator: "\n").count == 1)
    }
  }

  @Test func filtersHaveOneFormAndAllHold() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      func job(_ stage: String, _ command: String) throws -> String {
        try daemon.jobctl("start", "-l", "stage=\(stage)", "-l", "x=1", "sh", "-c", command).text.filter {
          $0 != "\n"
        }
      }
      let (good, bad) = (try job("a", "exit 0"), try job("a", "exit 3"))
      let missing = try daemon.jobctl("start", "-l", "stage=b", "nosuchprogram").text.filter { $0 != "\n" }
      for id in [good, bad, missing] { _ = try daemon.jobctl("wait", id) }
      let running = try job("b", "sleep 1000")
      func ids(_ command: String...) throws -> Set<String> {
        Set(
          try daemon.startJobctl(["ps", "-q"] + command).wait().text.split(separator: "\n").map(String.init))
      }
      #expect(try ids("--filter", "state=failed") == [bad, missing])
      #expect(try ids("--filter", "state=failed", "--filter", "state=error") == [missing], "both hold")
      #expect(try ids("--filter", "state=running", "--filter", "state=error").isEmpty)
      #expect(try ids("--filter", "label=stage=a").isEmpty, "those that run")
      #expect(try ids("--all", "--filter", "label=stage=a", "--filter", "label=x=1") == [good, bad])
      #expect(try ids("--all", "--filter", "label=stage=a", "--filter", "label=stage=b").isEmpty)
      #expect(try ids("--all", "--filter", "since=1h", "--filter", "since=0s").isEmpty)
      #expect(try ids("--limit", "1", "--filter", "state=failed") == [missing], "of those that are meant")

      #expect(try daemon.jobctl("wait", "--filter", "label=stage=a").status == 3)
      #expect(try daemon.jobctl("wait", "--filter", "label=stage=none").status == 0)
      #expect(try daemon.jobctl("wait", "--any", "--filter", "label=stage=none").status == 0)
      #expect(try daemon.jobctl("stop", "--filter", "label=stage=a").text.isEmpty, "none of them runs")
      #expect(try daemon.jobctl("stop", "--filter", "label=stage=b").text.hasPrefix("\(running) completed"))
      #expect(
        try daemon.jobctl("rm", "--filter", "state=failed", "--filter", "label=stage=a").text
          == "removed 1 job\n")
      #expect(try daemon.jobctl("rm", "--filter", "label=stage=b").text == "removed 2 jobs\n")
      #expect(try client.list().jobs.map { "\($0.id)" } == [good])
      for command in ["rm", "wait", "stop"] {
        #expect(try daemon.jobctl(command).status == 120)
        #expect(try daemon.jobctl(command, "--filter", "state=failed", good).status == 120)
        #expect(try daemon.jobctl(command, "--filter", "label.a=b").status == 120)
      }
    }
  }

  @Test func rmWithAFilterSparesWhatRuns() throws {
    try Daemon.with { daemon in
      _ = try daemon.jobctl("start", "-l", "a=b", "sleep", "1000")
      #expect(try daemon.jobctl("rm", "--filter", "label=a=b").text == "removed 0 jobs\n")
      #expect(try daemon.jobctl("rm", "--force", "--filter", "label=a=b").text == "removed 1 job\n")
    }
  }

  @Test func variablesArePassedOnAndReadFromAFile() throws {
    try Daemon.with { daemon in
      let file = "\(daemon.scratch.path)/variables"
      let text = "\u{feff}# comment\n\n  A=from file\nB=\"quoted\" \r\nPASSED\nUNSET\nC=a=b\nD=\nE=file"
      try Files.write(Array(text.utf8), to: file)
      let environment = daemon.jobctlEnvironment("alice").merging(["PASSED": "on", "E": "own", "F": "own"]) {
        $1
      }
      let done = try Running(
        Programs.jobctl,
        ["run", "--env-file", file, "-e", "E=option", "-e", "F", "-e", "ALSO_UNSET", "env"],
        environment: environment, directory: daemon.scratch
      ).wait()
      let lines = Set(done.text.split(separator: "\n"))
      #expect(
        lines.isSuperset(of: [
          "A=from file", "B=\"quoted\" ", "PASSED=on", "C=a=b", "D=", "E=option", "F=own",
        ]),
        "\(done.text)\(done.errorText)")
      #expect(!done.text.contains("UNSET"))
      for (bytes, words) in [
        (Array("=x".utf8), "line 1: \"\" must be"), (Array("\nA B=x".utf8), "line 2: \"A B\" must be"),
        ([0xff], "is not UTF-8"),
      ] as [([UInt8], String)] {
        try Files.write(bytes, to: file)
        let wrong = try daemon.jobctl("run", "--env-file", file, "true")
        #expect(wrong.status == 120 && wrong.errorText.contains(words), "\(wrong.errorText)")
      }
      let absent = try daemon.jobctl("run", "--env-file", "/nonexistent", "true")
      #expect(absent.status == 125 && absent.errorText.contains("/nonexistent"), "\(absent.errorText)")
    }
  }

  @Test func anUnknownIdIsNamed() throws {
    try Daemon.with { daemon in
      let id = "01a20dd9-cf1e-707e-8624-250b697e1403"
      for line in [
        ["status", id], ["status", "--wait", "1s", id], ["logs", id], ["output", id], ["wait", id],
        ["wait", "--any", id],
      ] {
        let done = try daemon.startJobctl(line).wait()
        #expect(
          done.status == 123 && done.errorText.contains("\(id): there is no such job"), "\(done.errorText)")
      }
      #expect(try daemon.jobctl("status", "abcdef").errorText.contains("abcdef: there is no such job"))
    }
  }
}

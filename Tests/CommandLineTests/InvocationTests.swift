import JobAPI
import Platform
import Testing

@testable import jobctl

@Suite struct InvocationTests {
  @Test func optionsAreTakenInEachSpelling() throws {
    for line in [
      ["--follow", "--tail", "5", "-t", "abcd"], ["-ft", "-n5", "abcd"], ["-tfn", "5", "abcd"],
      ["abcd", "--tail=5", "-f", "--timestamps"],
    ] {
      let invocation = try Invocation(.logs, line)
      #expect(invocation.arguments == ["abcd"], "\(line)")
      #expect(invocation.number("tail") == 5 && invocation.has("follow") && invocation.has("timestamps"))
    }
  }

  @Test func whatFollowsAJobsCommandIsTheJobs() throws {
    let invocation = try Invocation(.run, ["--rm", "-e", "A=b=c", "ls", "--help", "-x", "--", "--rm"])
    #expect(invocation.arguments == ["ls", "--help", "-x", "--", "--rm"])
    #expect(invocation.pairs("env") == ["A": "b=c"] && !invocation.wantsHelp)
    #expect(try Invocation(.run, ["--", "-odd", "name"]).arguments == ["-odd", "name"])
    #expect(try Invocation(.run, ["--rm", "--help"]).wantsHelp)
    #expect(try Invocation(.status, ["-h"]).wantsHelp, "no operand is asked for by then")
  }

  @Test(arguments: [["-it"], ["-ti"], ["-t", "-i"], ["--tty", "--interactive"]])
  func aTerminalIsAskedForAsUsersTypeIt(options: [String]) throws {
    let invocation = try Invocation(.run, options + ["bash", "-t"])
    #expect(invocation.has("tty") && invocation.has("interactive") && invocation.arguments == ["bash", "-t"])
  }

  @Test func aJobsTerminalIsOfTheKindOfJobctlsOwn() throws {
    func request(_ options: [String], _ own: [String: String]) throws -> CreateRequest {
      let invocation = try Invocation(.start, options + ["top"])
      var request = CreateRequest(cmd: "top")
      request.env = try JobVariables.read(invocation, own: own)
      try TerminalRequest.add(to: &request, invocation, Environment(own))
      #expect(request.tty != nil)
      return request
    }
    #expect(try request([], ["TERM": "screen", "LANG": "C"]).env == ["TERM": "screen"])
    #expect(try request([], ["COLORTERM": "truecolor"]).env == ["TERM": "xterm", "COLORTERM": "truecolor"])
    #expect(
      try request(["-e", "TERM=vt100", "-e", "A=b"], ["TERM": "xterm"]).env == ["TERM": "vt100", "A": "b"])
  }

  @Test(arguments: [
    (["status"], "expected ID"), (["status", "a", "b"], #"unexpected argument "b""#),
    (["status", "--wiat", "3s", "a"], "did you mean --wait?"), (["status", "-x", "a"], "no option -x"),
    (["status", "--wait"], "--wait needs a value: TIME"), (["status", "-o"], "-o needs a value: text|json"),
    (["status", "--wait", "3"], #"--wait is "3", but must be a whole number and ms, s"#),
    (["status", "--wait=1s", "--wait=2s", "a"], "--wait is given twice"),
    (["status", "-o", "xml", "a"], "must be text or json"), (["rm", "--force=1", "a"], "takes no value"),
    (["run", "--label", "A", "b"], "must be NAME=VALUE"),
    (["run", "--env", "=A", "b"], "must be NAME=VALUE"),
    (["run", "--output-limit", "-1", "b"], "a whole number of bytes, or with KiB"),
    (
      ["run", "--output-limit", "64kb", "b"],
      #"--output-limit is "64kb", but must be a whole number of bytes"#
    ),
    (
      ["ca", "client", "--days", "999999999", "a"],
      #"--days is "999999999", but must be a whole number from 1 to 36500"#
    ),
    (["ca", "server", "--days", "0"], "a whole number from 1 to 36500"),
    (["logs", "--tail", "x", "a"], "a whole number from 0"),
    (["logs", "--since", "noon", "a"], "a time such as"),
    (["ps", "--limit", "0"], "a whole number from 1"), (["run", "--cwd", "", "b"], "not empty"),
    (["completion", "tcsh"], "must be bash, zsh or fish"), (["signal", "TERM"], "expected SIGNAL ID..."),
    (["ps", "x"], #"unexpected argument "x""#), (["rnu", "ls"], "did you mean run?"),
    (["ca"], "needs one of: init, server, client, sign, list, renew, revoke"),
    (["--server", "a:1", "ps"], "options follow the command"),
    (["-o", "json", "ps"], "options follow the command: jobctl COMMAND -o"),
    (
      ["ca", "bogus"],
      #"there is no command "ca bogus"; "ca" is followed by init, server, client, sign, list, renew or revoke"#
    ),
    (["--versoin"], "did you mean --version?"), (["ca", "sever"], "did you mean server?"),
    (["batch", "--tty"], "there is no option --tty"), (["config", "sett"], #"unexpected argument "sett""#),
  ])
  func whatIsWrongIsNamed(line: [String], words: String) {
    let error = #expect(throws: UsageError.self) {
      let (command, rest) = try CommandTable.match(line)
      _ = try Invocation(command, rest)
    }
    #expect(error?.description.contains(words) == true, "\(error?.description ?? "accepted")")
  }

  @Test(arguments: [
    (["--timeout", "0s", "true"], "--timeout must be a duration"),
    (["--runner", "a/b", "true"], "--runner must be a name: 1 to 128 letters"),
    (["--cwd", "rel", "true"], "--cwd must be an absolute path"),
    (["--label", "a b=1", "true"], #"--label has the name "a b"; a name is 1 to 128 letters"#),
    (["--label", "a=\n", "true"], #"--label has a value of "a""#),
    ([""], "COMMAND must be a string that is not empty"),
    (
      (0..<65).flatMap { ["-l", "l\($0)="] } + ["true"],
      "--label must be an object of strings with at most 64 members"
    ),
  ])
  func aJobThatCannotBeIsRefusedByTheOptionsName(line: [String], words: String) {
    for command in [Command.run, .start] {
      let error = #expect(throws: UsageError.self) { _ = try request(command, line) }
      #expect(
        error?.description.hasPrefix(words) == true && error?.command == command.name, "\(error as Any)")
    }
  }

  @Test func aJobIsAskedForAsWritten() throws {
    let line = [
      "--runner", "sandbox", "--cwd", "/tmp", "-l", "a=1", "-l", "b=", "--timeout", "5m", "--grace=0s",
      "--merge",
      "--output-limit", "64KiB",
      "--on-limit", "kill", "--user", "nobody", "--group", "nogroup", "sh", "-c", "true",
    ]
    var expected = CreateRequest(cmd: "sh", args: ["-c", "true"])
    (expected.cwd, expected.labels) = ("/tmp", ["a": "1", "b": ""])
    (expected.timeout, expected.grace) = (DurationText("5m"), DurationText("0s"))
    (expected.merge, expected.outputLimit, expected.onLimit) = (true, 65_536, .kill)
    (expected.user, expected.group, expected.runner) = ("nobody", "nogroup", "sandbox")
    #expect(try request(.start, line) == expected)
    #expect(try request(.run, ["true"]) == CreateRequest(cmd: "true"))
  }

  @Test func theRunnerIsAsGivenElseOfTheEnvironment() throws {
    let variables = ["JOBCTL_RUNNER": "cluster"]
    #expect(try request(.run, ["true"], variables).runner == "cluster")
    #expect(try request(.run, ["--runner", "none", "true"], variables).runner == "none")
    let error = #expect(throws: UsageError.self) {
      try request(.start, ["true"], ["JOBCTL_RUNNER": "a b"])
    }
    #expect(error?.description.hasPrefix("JOBCTL_RUNNER must be a name") == true, "\(error as Any)")
  }

  /// Without profiles.
  private func request(
    _ command: Command, _ line: [String], _ variables: [String: String] = [:]
  ) throws -> CreateRequest {
    let invocation = try Invocation(command, line)
    let variables = variables.merging(["JOBCTL_CONFIG": "/nonexistent"]) { $1 }
    return try JobOptions.request(invocation, Settings(invocation, Environment(variables)))
  }
}

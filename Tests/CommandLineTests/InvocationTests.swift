import JobAPI
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

  @Test(arguments: [
    (["status"], "expected ID"), (["status", "a", "b"], #"unexpected argument "b""#),
    (["status", "--wiat", "3s", "a"], "did you mean --wait?"), (["status", "-x", "a"], "no option -x"),
    (["status", "--wait"], "--wait needs a value: TIME"), (["status", "-o"], "-o needs a value: text|json"),
    (["status", "--wait", "3"], #"--wait is "3", but must be a whole number and ms, s"#),
    (["status", "--wait=1s", "--wait=2s", "a"], "--wait is given twice"),
    (["status", "-o", "xml", "a"], "must be text or json"), (["rm", "--force=1", "a"], "takes no value"),
    (["run", "--env", "A", "b"], "must be NAME=VALUE"), (["run", "--env", "=A", "b"], "must be NAME=VALUE"),
    (["run", "--output-limit", "-1", "b"], "a whole number from 0"),
    (["logs", "--tail", "x", "a"], "a whole number from 0"),
    (["logs", "--since", "noon", "a"], "a time such as"),
    (["ps", "--limit", "0"], "a whole number from 1"), (["run", "--cwd", "", "b"], "not empty"),
    (["completion", "tcsh"], "must be bash, zsh or fish"), (["signal", "TERM"], "expected SIGNAL ID..."),
    (["ps", "x"], #"unexpected argument "x""#), (["rnu", "ls"], "did you mean run?"),
    (["ca"], "needs one of: init, server, client"), (["config", "sett"], #"unexpected argument "sett""#),
  ])
  func whatIsWrongIsNamed(line: [String], words: String) {
    let error = #expect(throws: UsageError.self) {
      let (command, rest) = try CommandTable.match(line)
      _ = try Invocation(command, rest)
    }
    #expect(error?.description.contains(words) == true, "\(error?.description ?? "accepted")")
  }

  @Test func aJobIsAskedForAsWritten() throws {
    let invocation = try Invocation(
      .start,
      [
        "--cwd", "/tmp", "-l", "a=1", "-l", "b=", "--timeout", "5m", "--grace=0s", "--merge",
        "--output-limit", "10",
        "--on-limit", "kill", "--user", "nobody", "--group", "nogroup", "sh", "-c", "true",
      ])
    var expected = CreateRequest(cmd: "sh", args: ["-c", "true"])
    (expected.cwd, expected.labels) = ("/tmp", ["a": "1", "b": ""])
    (expected.timeout, expected.grace) = (DurationText("5m"), DurationText("0s"))
    (expected.merge, expected.outputLimit, expected.onLimit) = (true, 10, .kill)
    (expected.user, expected.group) = ("nobody", "nogroup")
    #expect(JobOptions.request(invocation) == expected)
    #expect(JobOptions.request(try Invocation(.run, ["true"])) == CreateRequest(cmd: "true"))
  }
}

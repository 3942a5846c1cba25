import JobAPI
import JobClient
import Testing

@testable import jobctl

@Suite struct CommandTableTests {
  @Test(arguments: CommandTable.all.map(\.name))
  func eachCommandIsExplained(name: String) throws {
    let command = try #require(CommandTable.find(name))
    let help = Help.command(command)
    #expect(command.summary.hasSuffix(".") && !command.examples.isEmpty)
    #expect(help.contains("Usage: jobctl \(name)") && help.contains("\nExamples:\n"))
    for option in command.allOptions { #expect(help.contains("--\(option.name)")) }
    for example in command.examples { #expect(example.line.contains("jobctl \(name)"), "\(example.line)") }
    let long = help.split(separator: "\n").filter { $0.count > 104 }
    #expect(long.isEmpty, "lines fit a wide terminal: \(long)")
    #expect(Help.program.contains("\n  \(name) ") && ManualPage.text.contains("\n.Ss \(name)\n"))
  }

  @Test(arguments: CommandTable.all.map(\.name))
  func noOptionIsThereTwice(name: String) throws {
    let options = try #require(CommandTable.find(name)).allOptions
    #expect(Set(options.map(\.name)).count == options.count)
    let letters = options.compactMap(\.short)
    #expect(Set(letters).count == letters.count && !letters.contains("h"))
  }

  @Test func examplesAreValidCommandLines() throws {
    for command in CommandTable.all {
      for example in command.examples where !example.line.contains(where: { "|$;&<>".contains($0) }) {
        let words = example.line.split(separator: " ").dropFirst().map(String.init)
        let (found, rest) = try CommandTable.match(words)
        #expect(found.name == command.name)
        _ = try Invocation(found, rest)
      }
    }
  }

  @Test func statusesAreDistinctAndDocumented() {
    #expect(ExitCode.allCases.map(\.rawValue) == [0, 120, 121, 122, 123, 124, 125])
    for status in ExitCode.allCases {
      #expect(Help.program.contains("\n  \(Text.pad("\(status.rawValue)", 3))  \(status.meaning)"))
      #expect(ManualPage.text.contains("\n.It \(status.rawValue)\n"))
    }
  }

  @Test(arguments: [
    ("kill", "\"jobctl signal KILL ID\" or \"jobctl stop --grace 0s ID\""),
    ("exec", "\"jobctl run COMMAND\""),
    ("list", "\"jobctl ps\""), ("cancel", "\"jobctl stop ID\""), ("statsu", "did you mean status?"),
  ])
  func anotherWordForACommandLeadsToIt(word: String, meaning: String) throws {
    #expect(CommandTable.find(word) == nil)
    #expect(CommandTable.unknown([word]).description.contains(meaning))
  }

  /// README.md names those that do not.
  @Test func allButAFewPrintJSON() {
    let others = CommandTable.all.filter { command in
      guard case .words(let words)? = command.options.first(where: { $0.name == "output" })?.value?.kind
      else {
        return true
      }
      return !words.contains("json")
    }
    #expect(
      others.map(\.name) == ["attach", "config set", "config use", "config remove", "completion", "manual"])
  }

  @Test func explanationsAreSentences() {
    for command in CommandTable.all {
      for text in [command.summary] + command.allOptions.map(\.explanation) { #expect(text.hasSuffix(".")) }
      #expect(command.details.isEmpty || command.details.hasSuffix("."), "\(command.name)")
    }
  }

  @Test func theManualKeepsWhatIsToBeTyped() {
    let page = ManualPage.text
    for line in [
      "Of those that run or wait, or of all where a state is given: state=failed, since=1h or label=NAME=VALUE; all that are given hold.",
      "wide: whole ids, labels, runners, times, bytes, CPU time and memory",
    ] {
      #expect(page.contains("\n\(line)"), "\(line)")
    }
    #expect(page.contains("\n.It 120\nThe command line is wrong.\n"))
  }

  @Test(
    arguments: [
      (StatusReply(status: .completed, exitCode: 7), 7),
      (StatusReply(status: .completed, exitCode: 0, timedOut: true), 124),
      (StatusReply(status: .completed, exitCode: 3, timedOut: true), 3),
      (StatusReply(status: .completed, exitCode: 143, signal: 15, timedOut: true), 143),
      (StatusReply(status: .error, errorMessage: "no"), 125),
      (StatusReply(status: .error, errorMessage: "no", errorCode: .notExecutable), 126),
    ] as [(StatusReply, Int32)])
  func aJobsEndHasItsStatus(end: StatusReply, status: Int32) { #expect(ExitCode.of(end) == status) }

  @Test func eachErrorHasItsStatus() {
    let expected: [(ClientError, ExitCode)] = [
      (.files(""), .refused), (.untrusted(""), .refused), (.misnamed(""), .refused), (.refused(""), .refused),
      (.connect(""), .connection),
      (.closed(""), .connection), (.timeout(""), .timeout), (.notFound, .notFound), (.malformed(""), .other),
      (.status(429, "", retryAfter: 3), .other),
    ]
    for (error, status) in expected { #expect(ExitCode(error) == status) }
    #expect(Advice.after(.status(429, "", retryAfter: 3)) == "try again in 3 s")
  }
}

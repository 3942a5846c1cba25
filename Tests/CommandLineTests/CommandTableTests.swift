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

  @Test func eachErrorHasItsStatus() {
    let expected: [(ClientError, ExitCode)] = [
      (.files(""), .refused), (.untrusted(""), .refused), (.refused(""), .refused),
      (.connect(""), .connection),
      (.closed(""), .connection), (.timeout(""), .timeout), (.notFound, .notFound), (.malformed(""), .other),
      (.status(429, "", retryAfter: 3), .other),
    ]
    for (error, status) in expected { #expect(ExitCode(error) == status) }
    #expect(Advice.after(.status(429, "", retryAfter: 3)) == "try again in 3 s")
  }
}

import FoundationEssentials
import JobClient
import Platform

/// From the command line to a command and its exit status.
enum Program {
  static func main() -> Int32 {
    do {
      return try run(try Arguments.all())
    } catch let error as Arguments.NotText {
      return fail("\(error)", hint: nil, .usage)
    } catch let error as UsageError {
      return fail(
        error.description, hint: "see \(error.command.map { "jobctl \($0)" } ?? "jobctl") --help", .usage)
    } catch let job as UnknownJob {
      let error = ClientError.notFound
      return fail("\(job.name): \(error)", hint: Advice.after(error), ExitCode(error))
    } catch let error as ClientError {
      return fail(error.description, hint: Advice.after(error), ExitCode(error))
    } catch let error as TimeIsUp {
      return fail(error.description, hint: Advice.moreTime, .timeout)
    } catch is OutputClosed {
      return ExitCode.outputClosed
    } catch let error as CocoaError {
      return fail(FileFailure.inWords(error), hint: nil, .other)
    } catch {
      return fail("\(error)", hint: nil, .other)
    }
  }

  private static func run(_ arguments: [String]) throws -> Int32 {
    guard let first = arguments.first else {
      Terminal.complain(Help.program)
      return ExitCode.usage.rawValue
    }
    let rest = Array(arguments.dropFirst())
    switch first {
    case "--version":
      guard rest.isEmpty else { throw UsageError("unexpected argument \"\(rest[0])\"") }
      try Terminal.print("jobctl \(Version.text)\n")
    case "--help", "-h", "help": try Terminal.print(try help(rest))
    case _ where rest == ["--help"] || rest == ["-h"]: try Terminal.print(try help([first]))
    default:
      let (command, line) = try CommandTable.match(arguments)
      let invocation = try Invocation(command, line)
      guard invocation.wantsHelp else { return try command.run(invocation) }
      try Terminal.print(Help.command(command))
    }
    return 0
  }

  /// `jobctl help` and what follows it.
  private static func help(_ words: [String]) throws(UsageError) -> String {
    if words.isEmpty { return Help.program }
    if words.count == 1, let text = Help.group(words[0]) { return text }
    guard let command = CommandTable.find(words.joined(separator: " ")) else {
      throw CommandTable.unknown(words)
    }
    return Help.command(command)
  }

  private static func fail(_ message: String, hint: String?, _ status: ExitCode) -> Int32 {
    Terminal.complain("jobctl: \(message)")
    if let hint { Terminal.complain("  \(hint)") }
    return status.rawValue
  }
}

import Glibc
import JobAPI
import JobClient

/// From the command line to a command and its exit status.
enum Program {
  static let version = "0.1.0"

  static func main(_ arguments: [String]) -> Int32 {
    do {
      return try run(arguments)
    } catch let error as UsageError {
      return fail(
        error.description, hint: "see \(error.command.map { "jobctl \($0)" } ?? "jobctl") --help", .usage)
    } catch let error as ClientError {
      return fail(error.description, hint: Advice.after(error), ExitStatus(error))
    } catch is OutputClosed {
      return ExitStatus.other.rawValue
    } catch {
      return fail("\(error)", hint: nil, .other)
    }
  }

  private static func run(_ arguments: [String]) throws -> Int32 {
    guard let first = arguments.first else {
      try Terminal.print(Help.program)
      return ExitStatus.usage.rawValue
    }
    if ["--help", "-h", "help"].contains(first) {
      let name = arguments.dropFirst().joined(separator: " ")
      try Terminal.print(try CommandTable.find(name).map(Help.command) ?? Help.program)
      return 0
    }
    if first == "--version" {
      try Terminal.print("jobctl \(version)\n")
      return 0
    }
    let (command, rest) = try CommandTable.match(arguments)
    if rest.prefix(while: { $0 != "--" }).contains(where: { $0 == "--help" || $0 == "-h" }) {
      try Terminal.print(Help.command(command))
      return 0
    }
    return try command.run(try Invocation(command, rest))
  }

  private static func fail(_ message: String, hint: String?, _ status: ExitStatus) -> Int32 {
    Terminal.complain("jobctl: \(message)")
    if let hint { Terminal.complain("  \(hint)") }
    return status.rawValue
  }
}

/// What jobctl itself exits with; `run` and `wait` exit with the job's own code where there is one.
enum ExitStatus: Int32, CaseIterable {
  case success = 0
  /// The command line is wrong.
  case usage = 120
  /// The daemon cannot be reached, or the connection was lost.
  case connection = 121
  /// Certificates: the server refused this client's, or this client does not trust the server's, or files are missing.
  case refused = 122
  case notFound = 123
  /// Time ran out.
  case timeout = 124
  /// The job could not be started, the request was refused, or something else went wrong.
  case other = 125

  init(_ error: ClientError) {
    switch error {
    case .files, .untrusted, .refused: self = .refused
    case .connect, .closed: self = .connection
    case .timeout: self = .timeout
    case .notFound: self = .notFound
    case .malformed, .status: self = .other
    }
  }

  var meaning: String {
    switch self {
    case .success: "success"
    case .usage: "the command line is wrong"
    case .connection: "the daemon cannot be reached, or the connection was lost"
    case .refused: "a certificate is missing, not trusted or refused"
    case .notFound: "there is no such job"
    case .timeout: "time ran out"
    case .other: "the job could not be started, the request was refused, or anything else"
    }
  }
}

/// What to do next, for an error of the connection.
enum Advice {
  static func after(_ error: ClientError) -> String? {
    switch error {
    case .files: "make certificates with \"jobctl ca\", or name the files with --ca, --cert and --key"
    case .connect: "is jobd running there? name another place with --server HOST:PORT"
    case .untrusted: "name the authority that signed the server's certificate with --ca"
    case .refused: "use a client certificate of the authority that jobd was given as client-ca-file"
    case .timeout: "try again, or allow more time with --reply-timeout"
    case .closed: "try again: jobd may have been restarted"
    case .notFound: "\"jobctl ps --all\" lists your jobs"
    case .status(_, _, let retryAfter?): "try again in \(retryAfter) s"
    case .status, .malformed: nil
    }
  }
}

/// The command line is wrong: how, and in which command.
struct UsageError: Error, CustomStringConvertible {
  let description: String
  var command: String?
  init(_ description: String, command: String? = nil) {
    self.description = description
    self.command = command
  }
}

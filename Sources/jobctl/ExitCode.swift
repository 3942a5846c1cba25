import Glibc
import JobClient

/// What jobctl itself exits with; `run` and `wait` exit with the job's own code where there is one.
enum ExitCode: Int32, CaseIterable {
  case success = 0
  case usage = 120
  case connection = 121
  case refused = 122
  case notFound = 123
  case timeout = 124
  case other = 125

  /// As of a program that SIGPIPE ended: nobody reads the output any longer.
  static let outputClosed = 128 + SIGPIPE

  /// What `run` and `wait` exit with for a job that ended, 127 or 126 among them for one whose command is not found or
  /// cannot be executed. One that handles TERM may exit with 0 at its time limit, and
  /// did not do what it was to do.
  static func of(_ job: StatusReply) -> Int32 {
    guard job.status == .completed else { return job.errorCode?.exitCode ?? other.rawValue }
    let code = job.exitCode ?? 0
    return code == 0 && job.timedOut == true ? timeout.rawValue : code
  }

  init(_ error: ClientError) {
    switch error {
    case .files, .untrusted, .misnamed, .refused: self = .refused
    case .connect, .closed, .uncertain: self = .connection
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
    case .timeout: "time ran out, or the job's time limit ended it and its own code was 0"
    case .other: "the job could not be started, the request was refused, or anything else"
    }
  }
}

/// What to do next, for an error of the connection.
enum Advice {
  static let moreTime = "try again, or allow more time"

  static func after(_ error: ClientError) -> String? {
    switch error {
    case .files:
      "make certificates with \"jobd setup\" or \"jobctl ca\", or name the files with --ca, --cert and --key"
    case .connect: "is jobd running there? name another place with --server HOST:PORT"
    case .untrusted: "name the authority that signed the server's certificate with --ca"
    case .misnamed:
      """
      name the server by a name in it with --server HOST, issue it with "jobctl ca server --host NAME" for each name \
      in use, or tell the one in it with --server-name
      """
    case .refused: "use a client certificate of the authority that jobd was given as client-ca-file"
    case .timeout: "try again, or allow more time with --reply-timeout"
    case .closed: "try again: jobd may have been restarted"
    case .notFound: "\"jobctl ps --all\" lists your jobs"
    case .status(_, _, let retryAfter?): "try again in \(retryAfter) s"
    case .uncertain: "\"jobctl ps --all\" lists it for a minute if its result was not taken"
    case .status, .malformed: nil
    }
  }
}

/// A time the user gave ran out.
struct TimeIsUp: Error, CustomStringConvertible {
  let description: String
}

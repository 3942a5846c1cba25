import Glibc
import JobAPI
import JobClient

extension Command {
  static let start = Command(
    name: "start", summary: "Starts a job and prints its id.", arguments: "COMMAND [ARGUMENT...]",
    count: 1...Int.max, options: JobOptions.all + [.json],
    examples: [
      ("jobctl start sleep 60", "prints the id of the job, which runs on"),
      (
        "id=$(jobctl start --timeout 5m make test)",
        "keeps the id for later, and ends the job after five minutes"
      ),
    ]
  ) { invocation in
    let request = try JobOptions.request(invocation)
    let id = try Settings.client(invocation).create(request, key: IdempotencyKey.fresh())
    try invocation.wantsJSON() ? Terminal.print(json: CreateReply(id: id)) : Terminal.print("\(id)\n")
    return 0
  }

  static let status = Command(
    name: "status", summary: "Prints the state of a job.", arguments: "ID", count: 1...1,
    options: [
      Option("wait", value: "TIME", "Hold the answer until the job has ended, at most this long."), .json,
    ],
    examples: [
      ("jobctl status $id", "prints running, completed or error, and how the job ended"),
      ("jobctl status --wait 30s -o json $id", "waits for the end, and prints JSON"),
    ]
  ) { invocation in
    let client = try Settings.client(invocation)
    let wait = try invocation.duration("wait")
    let status = try client.status(try JobName.id(invocation.arguments[0], client), wait: wait)
    try invocation.wantsJSON() ? Terminal.print(json: status) : Terminal.print(StatusText.line(status) + "\n")
    return 0
  }

  static let output = Command(
    name: "output", summary: "Copies a job's stdout to stdout and its stderr to stderr.", arguments: "ID",
    count: 1...1, options: [.json],
    examples: [
      ("jobctl output $id > out 2> err", "keeps both streams, byte for byte"),
      ("jobctl output -o json $id", "prints both as JSON, what is not UTF-8 replaced"),
    ]
  ) { invocation in
    let client = try Settings.client(invocation)
    let id = try JobName.id(invocation.arguments[0], client)
    if try invocation.wantsJSON() {
      try Terminal.write(
        try client.callBytes(.output, Route.output.target(id))[...] + [0x0a], to: STDOUT_FILENO)
      return 0
    }
    try client.stream(.stdout, Route.stdout.target(id)) { try Terminal.write($0, to: STDOUT_FILENO) }
    try client.stream(.stderr, Route.stderr.target(id)) { try Terminal.write($0, to: STDERR_FILENO) }
    return 0
  }

  static let delete = Command(
    name: "delete", summary: "Ends jobs, and removes their records and output.", arguments: "ID...",
    count: 1...Int.max, options: [.json],
    examples: [("jobctl delete $id", "returns when the job's processes and files are gone")]
  ) { invocation in
    let client = try Settings.client(invocation)
    var status: Int32 = 0
    for name in invocation.arguments {
      do {
        let id = try JobName.id(name, client)
        try client.delete(id)
        if try invocation.wantsJSON() { try Terminal.print(json: CreateReply(id: id)) }
      } catch ClientError.notFound {
        Terminal.complain("jobctl: \(name): there is no such job")
        status = ExitStatus.notFound.rawValue
      }
    }
    return status
  }
}

extension Invocation {
  func duration(_ option: String) throws(UsageError) -> DurationText? {
    guard let text = value(option) else { return nil }
    guard let duration = DurationText(text) else {
      throw usage("--\(option) \(text) must be \(DurationText.allowed)")
    }
    return duration
  }
}

/// A job named on the command line: its id, or the beginning or the end of it.
enum JobName {
  static func id(_ text: String, _ client: JobClient) throws -> JobID {
    if let id = JobID(text) { return id }
    guard text.utf8.count >= 4, text.allSatisfy({ $0.isHexDigit || $0 == "-" }) else {
      throw UsageError("\"\(text)\" is not a job id, nor four or more characters of its beginning or end")
    }
    let found = try client.list(["match": text, "limit": "2"]).jobs
    guard let job = found.first else { throw ClientError.notFound }
    guard found.count == 1 else { throw UsageError("\"\(text)\" is the id of several jobs: give more of it") }
    return job.id
  }
}

/// A state in words.
enum StatusText {
  static func line(_ status: StatusReply) -> String {
    switch status.status {
    case .running: return "running"
    case .error: return "error: \(status.errorMessage ?? "unknown")"
    case .completed:
      var text = "completed, exit code \(status.exitCode ?? 0)"
      if let signal = status.signal {
        text += ", ended by signal \(SignalName(number: signal).map { "\($0)" } ?? "\(signal)")"
      }
      if status.timedOut == true { text += ", timed out" }
      if let error = status.errorMessage { text += "; \(error)" }
      return text
    }
  }
}

/// Lets a creation be sent again without starting the job twice.
enum IdempotencyKey {
  static func fresh() -> String {
    (0..<2).map { _ in String(UInt64.random(in: .min ... .max), radix: 16) }.joined(separator: "-")
  }
}

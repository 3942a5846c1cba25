import JobAPI
import Platform

/// The options that say how a job is to run.
enum JobOptions {
  /// Of `start` and `run`.
  static let all = ofEach + [Option("tty", short: "t", "Gives the job a terminal.")]

  /// Of `batch` too, where nobody is at the terminal of each job.
  static let ofEach = [
    Option(
      "env", short: "e", .variable, isRepeated: true,
      "Adds to the job's environment; NAME alone passes on what jobctl has, if it is set."),
    Option(
      "env-file", .file, isRepeated: true,
      "Adds what a file has: NAME=VALUE or NAME on each line, # before a comment. --env wins over it."),
    Option(
      "secret", .text("NAME"), isRepeated: true,
      "Adds jobctl's variable NAME to the job's environment, where nobody but the job learns its value."),
    Option(
      "secret-file", .pair("NAME=FILE"), isRepeated: true,
      "The same with what is in a file, all of it: a newline at its end too."),
    Option("cwd", .text("DIRECTORY"), "Where the job starts; / if not given."),
    Option("label", short: "l", .pair(), isRepeated: true, "A label to find the job by."),
    Option(
      "timeout", .duration(),
      "Ends the job after this time: TERM, the grace, KILL. Its exit code 0 counts as 124 then."),
    Option("grace", .duration(), "The time between TERM and KILL."),
    Option("merge", "Puts stderr into stdout, in the exact order of writing."),
    Option("output-limit", .size(.min...(1 << 50)), "Keeps this much of each stream, such as 64KiB."),
    Option("on-limit", .oneOf(["truncate", "kill"]), "At the limit: drop the rest, or end the job."),
    Option(
      "priority", .number(-Int(CreateRequest.Limits.priority)...Int(CreateRequest.Limits.priority)),
      "Among your jobs that wait for a slot the highest goes first; 0 if not given."),
    Option("queue", .text("NAME"), "Waits in this queue of yours, of which only some jobs run at once."),
    Option(
      "queue-slots", .number(1...Int(CreateRequest.Limits.queueSlots)),
      "How many of that queue may run at once from now on; 1 if not given."),
    Option(
      "memory", .size(Int(JobLimits.leastMemory)...(.max)), "Memory that the job may use, such as 512MiB."),
    Option("cpus", .cpus, "CPUs that the job may use, such as 0.5."),
    Option("processes", .number(1...Int(JobLimits.mostProcesses)), "Processes and threads the job may have."),
    Option("user", .text("NAME"), "Runs as this user, where the daemon may."),
    Option("group", .text("NAME"), "Runs as this group, where the daemon may."), runner,
  ]

  static let runner = Option(
    "runner", .text("NAME"),
    "What launches it, of \"jobctl runners\" (JOBCTL_RUNNER); the daemon's choice for you if not given.")

  /// `words`: the command and its arguments; those of the line when nil.
  static func request(
    _ invocation: Invocation, _ settings: Settings, _ words: [String]? = nil
  ) throws -> CreateRequest {
    var request = try asGiven(invocation, words ?? invocation.arguments)
    let runner = settings[.runner]
    request.runner = runner?.text
    do {
      try request.validate()
    } catch {
      throw invocation.usage("\(spelling(error.member, runner)) \(error.fault)")
    }
    return request
  }

  /// What the command line calls a member of the request.
  private static func spelling(_ member: String?, _ runner: Settings.Value?) -> String {
    switch member {
    case "cmd": "COMMAND"
    case "runner": runner!.origin
    case "labels": "--label"
    case "secret_env": "--secret"
    case let other?: "--" + other.replacing("_", with: "-")
    case nil: "the job"
    }
  }

  private static func asGiven(_ invocation: Invocation, _ words: [String]) throws -> CreateRequest {
    var request = CreateRequest(cmd: words[0], args: Array(words.dropFirst()))
    request.env = try JobVariables.read(invocation)
    request.secretEnv = try JobSecrets.read(invocation)
    request.labels = invocation.pairs("label")
    if invocation.has("tty") { try TerminalRequest.add(to: &request, invocation) }
    request.cwd = invocation.value("cwd")
    request.timeout = invocation.duration("timeout")
    request.grace = invocation.duration("grace")
    if invocation.has("merge") { request.merge = true }
    request.outputLimit = invocation.size("output-limit")
    request.onLimit = invocation.value("on-limit").flatMap { CreateRequest.LimitAction(rawValue: $0) }
    request.priority = invocation.number("priority").map(Int64.init)
    request.queue = invocation.value("queue")
    request.queueSlots = invocation.number("queue-slots").map(Int64.init)
    request.limits = limits(invocation)
    (request.user, request.group) = (invocation.value("user"), invocation.value("group"))
    return request
  }

  private static func limits(_ invocation: Invocation) -> JobLimits? {
    let limits = JobLimits(
      memory: invocation.size("memory").map(SizeText.init),
      cpus: invocation.value("cpus").flatMap { Double($0) },
      processes: invocation.number("processes").map(Int64.init))
    return limits == JobLimits() ? nil : limits
  }
}

extension OptionValue<String> {
  fileprivate static var cpus: Self {
    Self(.literal, "N", JobLimits.allowed("cpus")) { text in
      Double(text).flatMap { (0.01...JobLimits.mostCPUs).contains($0) ? text : nil }
    }
  }
}

/// Lets a creation be sent again without starting the job twice.
enum IdempotencyKey {
  static func fresh() -> String {
    (0..<2).map { _ in String(UInt64.random(in: .min ... .max), radix: 16) }.joined(separator: "-")
  }
}

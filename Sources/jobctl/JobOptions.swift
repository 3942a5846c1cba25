import JobAPI

/// The options that say how a job is to run, for `start` and `run`.
enum JobOptions {
  static let all = [
    Option("env", short: "e", value: "NAME=VALUE", isRepeated: true, "Adds to the job's environment."),
    Option("cwd", value: "DIRECTORY", "Where the job starts; / if not given."),
    Option("label", short: "l", value: "NAME=VALUE", isRepeated: true, "A label to find the job by."),
    Option("timeout", value: "TIME", "Ends the job after this time: TERM, the grace, KILL."),
    Option("grace", value: "TIME", "The time between TERM and KILL."),
    Option("merge", "Puts stderr into stdout, in the exact order of writing."),
    Option("output-limit", value: "BYTES", "Keeps this much of each stream."),
    Option("on-limit", value: "ACTION", "At the limit: truncate (drop the rest) or kill (end the job)."),
    Option("user", value: "NAME", "Runs as this user, where the daemon may."),
    Option("group", value: "NAME", "Runs as this group, where the daemon may."),
  ]

  static func request(_ invocation: Invocation) throws -> CreateRequest {
    var request = CreateRequest(cmd: invocation.arguments[0], args: Array(invocation.arguments.dropFirst()))
    request.env = try pairs("env", invocation)
    request.labels = try pairs("label", invocation)
    request.cwd = invocation.value("cwd")
    request.timeout = try invocation.duration("timeout")
    request.grace = try invocation.duration("grace")
    if invocation.has("merge") { request.merge = true }
    (request.user, request.group) = (invocation.value("user"), invocation.value("group"))
    if let text = invocation.value("output-limit") {
      guard let limit = Int64(text), limit >= 0 else {
        throw invocation.usage("--output-limit \(text) must be a number of bytes")
      }
      request.outputLimit = limit
    }
    if let text = invocation.value("on-limit") {
      guard let action = CreateRequest.LimitAction(rawValue: text) else {
        throw invocation.usage("--on-limit \(text) must be truncate or kill")
      }
      request.onLimit = action
    }
    return request
  }

  private static func pairs(_ option: String, _ invocation: Invocation) throws(UsageError) -> [String:
    String]?
  {
    let texts = invocation.all(option)
    if texts.isEmpty { return nil }
    var pairs: [String: String] = [:]
    for text in texts {
      let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard parts.count == 2, !parts[0].isEmpty else {
        throw invocation.usage("--\(option) \(text) must be NAME=VALUE")
      }
      pairs[parts[0]] = parts[1]
    }
    return pairs
  }
}

import JobClient

/// A job named on the command line: its id, or the beginning or the end of it.
enum JobName {
  static let shortest = 4
  /// Of a shortened id in tables: the end of an id is random, its beginning the time.
  static let shown = 12

  /// Does something with the one job that a command has as its operand.
  static func withOnly<Result>(
    _ invocation: Invocation, _ body: (JobClient, JobID) throws -> Result
  ) throws -> Result {
    let client = try Settings.client(invocation)
    let name = invocation.arguments[0]
    return try naming(name) { try body(client, try id(name, client)) }
  }

  /// Says which job it is that there is not.
  static func naming<Result>(_ name: String, _ body: () throws -> Result) throws -> Result {
    do { return try body() } catch ClientError.notFound { throw UnknownJob(name: name) }
  }

  static func id(_ text: String, _ client: JobClient) throws -> JobID {
    if let id = JobID(text) { return id }
    guard text.utf8.count >= shortest, text.allSatisfy({ $0.isHexDigit || $0 == "-" }) else {
      throw UsageError(
        "\"\(text)\" is not a job id, nor \(shortest) or more characters of its beginning or end")
    }
    var found: [JobDetail] = []
    let role = try JobPages(client, ["match": text]).visit(most: mostCandidates + 1) { found.append($0) }
    // To ask for what one's role does not allow would be on record as an attempt.
    if found.isEmpty, role != nil {
      let query: Query = ["match": text, "client": "*"]
      try JobPages(client, query).visit(most: mostCandidates + 1) { found.append($0) }
    }
    guard let first = found.first else { throw ClientError.notFound }
    guard found.count == 1 else { throw UsageError(ambiguous(text, found)) }
    return first.id
  }

  private static func ambiguous(_ text: String, _ found: [JobDetail]) -> String {
    let lines = found.prefix(mostCandidates).map { job in
      "\n  \(job.id)  \(job.status.rawValue)  \(Text.cut(Text.quote(job.cmd), 40))"
    }
    let more = found.count > mostCandidates ? "\n  ..." : ""
    return "\"\(text)\" is the id of several jobs: give more of its end\(lines.joined())\(more)"
  }

  private static let mostCandidates = 5
}

/// There is no job of this name.
struct UnknownJob: Error { let name: String }

extension JobID {
  /// As tables show it.
  var short: String { String("\(self)".suffix(JobName.shown)) }
}

import JobClient

/// A job named on the command line: its id, or the beginning or the end of it.
enum JobName {
  static let shortest = 4
  /// Of a shortened id in tables: the end of an id is random, its beginning the time.
  static let shown = 12

  /// The one that a command has as its operand.
  static func only(_ invocation: Invocation) throws -> (JobClient, JobID) {
    let client = try Settings.client(invocation)
    return (client, try id(invocation.arguments[0], client))
  }

  static func id(_ text: String, _ client: JobClient) throws -> JobID {
    if let id = JobID(text) { return id }
    guard text.utf8.count >= shortest, text.allSatisfy({ $0.isHexDigit || $0 == "-" }) else {
      throw UsageError(
        "\"\(text)\" is not a job id, nor \(shortest) or more characters of its beginning or end")
    }
    var found: [JobID] = []
    try JobPages(client, ["match": text]).visit(most: 2) { found.append($0.id) }
    guard let id = found.first else { throw ClientError.notFound }
    guard found.count == 1 else { throw UsageError("\"\(text)\" is the id of several jobs: give more of it") }
    return id
  }
}

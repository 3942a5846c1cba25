import FoundationEssentials

/// Single requests, by curl: nothing of this is measured.
struct Api {
  let server: any Server
  let pki: String
  let client: String

  init(_ bench: Bench, _ server: any Server, as client: Pki.Client = Pki.bench) {
    (self.server, pki, self.client) = (server, bench.pki.directory, client.name)
  }

  var curl: [String] {
    [
      "curl", "-sS", "--cacert", "\(pki)/ca.crt", "--cert", "\(pki)/\(client).crt", "--key",
      "\(pki)/\(client).key",
    ]
  }

  func url(_ target: String) -> String { "https://127.0.0.1:\(server.port)\(target)" }

  private func ask(_ method: String, _ target: String, _ options: [String] = []) throws -> String {
    try Child.run(curl + ["--fail-with-body", "-X", method, url(target)] + options).text
  }

  private struct Created: Decodable { var id: String }
  private struct Status: Decodable { var status: String }

  func create(_ command: String, _ arguments: [String] = [], takesInput: Bool = false) throws -> String {
    let list = arguments.map { "\"\($0)\"" }.joined(separator: ",")
    let body = "{\"cmd\":\"\(command)\",\"args\":[\(list)],\"stdin_open\":\(takesInput)}"
    let text = try ask("PUT", "/jobs", ["-H", "Content-Type: application/json", "--data-binary", body])
    return try decode(Created.self, text, of: "PUT /jobs").id
  }

  /// A job that has ended, well.
  func run(_ command: String = "/bin/true", _ arguments: [String] = []) throws -> String {
    let id = try create(command, arguments)
    try finish(id)
    return id
  }

  func status(_ id: String) throws -> String {
    try decode(Status.self, try ask("GET", "/jobs/\(id)/status"), of: "GET status").status
  }

  private struct JobList: Decodable { var jobs: [Status] }

  /// Jobs that run or wait, at most a thousand.
  func runningJobs(most: Int = 1000) throws -> Int {
    let text = try ask("GET", "/jobs?state=running&limit=\(most)")
    return try decode(JobList.self, text, of: "GET /jobs").jobs.count
  }

  struct Detail: Decodable {
    var started, finished: String
    /// How long the process ran; less than a day.
    var seconds: Double {
      let seconds = Self.ofDay(finished) - Self.ofDay(started)
      return seconds < 0 ? seconds + 86_400 : seconds
    }

    private static func ofDay(_ time: String) -> Double {
      let parts = time.drop { $0 != "T" }.dropFirst().dropLast().split(separator: ":").compactMap {
        Double($0)
      }
      return parts.reduce(0) { $0 * 60 + $1 }
    }
  }

  func detail(_ id: String) throws -> Detail {
    try decode(Detail.self, try ask("GET", "/jobs/\(id)"), of: "GET /jobs/<id>")
  }

  func statusText(_ id: String) throws -> String { try ask("GET", "/jobs/\(id)/status") }

  /// Waits for its end, which has to be a good one.
  private func finish(_ id: String) throws {
    let text = try ask("GET", "/jobs/\(id)/status?wait=60s")
    guard text.contains("\"completed\""), text.contains("\"exit_code\":0") else {
      throw BenchFailure("job \(id): \(text)")
    }
  }

  func stop(_ id: String) throws { _ = try ask("POST", "/jobs/\(id)/stop") }

  func delete(_ id: String) throws { _ = try ask("DELETE", "/jobs/\(id)") }
}

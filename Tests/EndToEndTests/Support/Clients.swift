import Harness
import Testing

/// A reply that curl got.
struct CurlReply {
  let status: Int
  let headers: String
  let body: [UInt8]
  var text: String { String(decoding: body, as: UTF8.self) }
}

extension Daemon {
  func url(_ path: String) -> String { "https://localhost:\(port)\(path)" }

  private func files(of client: String) -> [String] {
    [
      "--cacert", "\(pki.directory)/ca.crt", "--cert", "\(pki.directory)/\(client).crt", "--key",
      "\(pki.directory)/\(client).key",
    ]
  }

  /// One request by curl as `client`.
  func curl(
    _ method: String, _ path: String, as client: String = "alice", body: String? = nil, _ more: [String] = []
  )
    throws -> CurlReply
  {
    let headers = scratch.fresh("headers")
    var arguments = ["-sS", "--max-time", "60", "-D", headers, "-X", method] + files(of: client) + more
    if method == "HEAD" { arguments.append("--head") }
    var input: [UInt8]?
    if let body {
      arguments += ["-H", "Content-Type: application/json", "--data-binary", "@-"]
      input = Array(body.utf8)
    }
    let done = try Running("curl", arguments + [url(path)], input: input, directory: scratch).wait()
    try #require(done.status == 0, "curl: \(done.errorText)")
    let text = Files.text(headers)
    let lines = text.split(separator: "\r\n").filter { $0.hasPrefix("HTTP/1.1 ") }
    // With --head curl prints the headers where the body would be.
    return CurlReply(
      status: Int(lines.last?.split(separator: " ")[1] ?? "") ?? 0, headers: text,
      body: method == "HEAD" ? [] : done.output)
  }

  /// curl on its way, as alice.
  func startCurl(_ path: String, _ more: [String] = [], input: String? = nil) throws -> Running {
    try Running(
      "curl", ["-sS", "--max-time", "60"] + files(of: "alice") + more + [url(path)],
      input: input.map { Array($0.utf8) }, directory: scratch)
  }

  /// The benchmark's load generator as `client`.
  func startLoad(_ arguments: [String], as client: String = "alice") throws -> Running {
    let files = [
      "--certificate", "\(pki.directory)/\(client).crt", "--key", "\(pki.directory)/\(client).key",
      "--authority", "\(pki.directory)/ca.crt",
    ]
    return try Running(Programs.loadgen, arguments + ["--port", "\(port)"] + files, directory: scratch)
  }

  /// curl's exit status and message, for what must not succeed.
  func curlFails(_ more: [String]) throws -> Finished {
    try Running("curl", ["-sS", "--max-time", "30"] + more + [url("/jobs")], directory: scratch).wait()
  }
}

extension Daemon {
  /// A client that sends any bytes.
  func rawClient(_ client: String = "alice", receiveBuffer: Int32? = nil) throws -> RawClient {
    try RawClient(
      port: UInt16(port), authority: "\(pki.directory)/ca.crt",
      certificate: "\(pki.directory)/\(client).crt", key: "\(pki.directory)/\(client).key",
      receiveBuffer: receiveBuffer)
  }
}

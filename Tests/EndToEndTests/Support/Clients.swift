import FoundationEssentials
import JobAPI
import JobClient
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
    return CurlReply(
      status: Int(lines.last?.split(separator: " ")[1] ?? "") ?? 0, headers: text, body: done.output)
  }

  /// curl's exit status and message, for what must not succeed.
  func curlFails(_ more: [String]) throws -> Finished {
    try Running("curl", ["-sS", "--max-time", "30"] + more + [url("/jobs")], directory: scratch).wait()
  }

  func jobctl(_ arguments: String..., as client: String = "alice", input: [UInt8]? = nil) throws -> Finished {
    try startJobctl(arguments, as: client, input: input).wait()
  }

  func startJobctl(_ arguments: [String], as client: String = "alice", input: [UInt8]? = nil) throws
    -> Running
  {
    try Running(
      Programs.jobctl, arguments, environment: jobctlEnvironment(client), input: input, directory: scratch)
  }

  func jobctlEnvironment(_ client: String) -> [String: String] {
    [
      "JOBCTL_SERVER": "localhost:\(port)", "JOBCTL_CA": "\(pki.directory)/ca.crt",
      "JOBCTL_CERT": "\(pki.directory)/\(client).crt", "JOBCTL_KEY": "\(pki.directory)/\(client).key",
      "JOBCTL_CONFIG": "\(scratch.path)/jobctl.json",
    ]
  }

  /// The library's client.
  func client(_ name: String = "alice") -> JobClient {
    JobClient(
      ConnectionSettings(
        host: "localhost", port: UInt16(port), authorityFile: "\(pki.directory)/ca.crt",
        certificateFile: "\(pki.directory)/\(name).crt", keyFile: "\(pki.directory)/\(name).key"))
  }
}

extension JobClient {
  /// Creates a shell job.
  func shell(_ script: String) throws -> JobID { try create(CreateRequest(cmd: "sh", args: ["-c", script])) }

  /// Waits for the end of a job.
  func end(of id: JobID) throws -> StatusReply {
    while true {
      let status = try self.status(id, wait: DurationText("20s"))
      if status.status != .running { return status }
    }
  }

  func output(_ id: JobID) throws -> OutputReply { try call(.output, Route.output.target(id)) }

  func bytes(_ route: Route, _ id: JobID) throws -> [UInt8] { try callBytes(route, route.target(id)) }

  /// A job that ran to its end.
  func run(_ command: String, _ arguments: String...) throws -> (JobID, StatusReply) {
    let id = try create(CreateRequest(cmd: command, args: arguments))
    return (id, try end(of: id))
  }
}

/// What the system says of processes.
enum Processes {
  static func isAlive(_ pid: Int32) -> Bool {
    let stat = Files.text("/proc/\(pid)/stat")
    guard let end = stat.lastIndex(of: ")") else { return false }
    return !stat[end...].dropFirst(2).hasPrefix("Z")
  }

  static func descriptors(_ pid: Int32) -> Int { Files.list("/proc/\(pid)/fd").count }
  static func threads(_ pid: Int32) -> Int { Files.list("/proc/\(pid)/task").count }

  /// A line of /proc/PID/status.
  static func status(_ pid: Int32, _ name: String) -> String {
    let line = Files.text("/proc/\(pid)/status").split(separator: "\n").first { $0.hasPrefix(name + ":") }
    return line.map { $0.dropFirst(name.count + 1).trimmingPrefix { $0 == " " || $0 == "\t" } }.map(
      String.init) ?? ""
  }

  /// Resident memory in KiB.
  static func resident(_ pid: Int32) -> Int {
    Int(status(pid, "VmRSS").split(separator: " ").first ?? "0") ?? 0
  }

  /// Children of a process, zombies too.
  static func children(_ pid: Int32) -> [Int32] {
    Files.list("/proc/\(pid)/task").flatMap { task in
      Files.text("/proc/\(pid)/task/\(task)/children").split(separator: " ").compactMap { Int32($0) }
    }
  }

  /// Children, their children, and so on.
  static func descendants(_ pid: Int32) -> [Int32] {
    children(pid).flatMap { [$0] + descendants($0) }
  }

  /// Whether it is of a job: what was seen earlier may have another's number by now.
  static func isOfJob(_ pid: Int32) -> Bool {
    Files.text("/proc/\(pid)/environ").split(separator: "\0").contains { $0.hasPrefix("JOBD_JOB_ID=") }
  }
}

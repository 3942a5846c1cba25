import JobAPI
import JobClient

extension Daemon {
  package func jobctl(_ arguments: String..., as client: String = "alice", input: [UInt8]? = nil) throws
    -> Finished
  {
    try startJobctl(arguments, as: client, input: input).wait()
  }

  package func startJobctl(_ arguments: [String], as client: String = "alice", input: [UInt8]? = nil) throws
    -> Running
  {
    try Running(
      Programs.jobctl, arguments, environment: jobctlEnvironment(client), input: input, directory: scratch)
  }

  package func jobctlEnvironment(_ client: String) -> [String: String] {
    [
      "JOBCTL_SERVER": "localhost:\(port)", "JOBCTL_CA": "\(pki.directory)/ca.crt",
      "JOBCTL_CERT": "\(pki.directory)/\(client).crt", "JOBCTL_KEY": "\(pki.directory)/\(client).key",
      "JOBCTL_CONFIG": "\(scratch.path)/jobctl.json",
    ]
  }

  /// The library's client.
  package func client(_ name: String = "alice") -> JobClient {
    JobClient(
      ConnectionSettings(
        host: "localhost", port: UInt16(port), authorityFile: "\(pki.directory)/ca.crt",
        certificateFile: "\(pki.directory)/\(name).crt", keyFile: "\(pki.directory)/\(name).key"))
  }
}

extension JobClient {
  /// Creates a shell job.
  package func shell(_ script: String) throws -> JobID {
    try create(CreateRequest(cmd: "sh", args: ["-c", script]))
  }

  /// Waits for the end of a job.
  package func end(of id: JobID) throws -> StatusReply {
    while true {
      let status = try self.status(id, wait: DurationText("20s"))
      if status.status != .running { return status }
    }
  }

  /// A job that wrote lines in this order, each of which the daemon had seen before the next was written; then it ran
  /// `last`, and ended.
  package func written(in lines: [(stream: OutputStream, text: String)], last: String = ":") throws -> JobID {
    let script = "while read -r to text; do echo \"$text\" >&$to; done; \(last)"
    var request = CreateRequest(cmd: "sh", args: ["-c", script])
    request.stdinOpen = true
    let id = try create(request)
    var written = ["", ""]
    for (stream, text) in lines {
      try feed(id, Array("\(stream == .stdout ? 1 : 2) \(text)\n".utf8), close: false)
      written[stream == .stdout ? 0 : 1] += text + "\n"
      try Poll.until("\(text)") {
        let output = try output(id)
        return [output.stdout, output.stderr] == written
      }
    }
    try feed(id, [], close: true)
    _ = try end(of: id)
    return id
  }

  package func bytes(_ route: Route, _ id: JobID) throws -> [UInt8] { try callBytes(route, route.target(id)) }

  /// A job that ran to its end.
  package func run(_ command: String, _ arguments: String...) throws -> (JobID, StatusReply) {
    let id = try create(CreateRequest(cmd: command, args: arguments))
    return (id, try end(of: id))
  }
}

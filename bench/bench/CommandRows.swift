import Glibc

/// The command line, beside curl with the same certificate and ssh over a connection that is open already.
extension Bench {
  func commandRows() throws -> [Row] {
    let jobd = try Jobd(self, state: "command")
    let api = Api(self, jobd)
    let id = try api.run()
    try keepSessions()
    let ssh = options.ssh && access("/usr/sbin/sshd", X_OK) == 0 ? try Ssh(self) : nil
    var runs: [Usage] = []
    var shells: [Usage] = []
    var bare: [Usage] = []
    var firsts: [Usage] = []
    let (statuses, curls) = try interleaved {
      runs.append(try time(jobctl(jobd, "run", "--rm", "/bin/true")))
      bare.append(try time(["/bin/true"]))
      firsts.append(try time(jobctl(jobd, "status", "--sessions", "off", id)))
      if let ssh { shells.append(try time(ssh.command + ["true"])) }
      return try time(jobctl(jobd, "status", id))
    } _: {
      try time(api.curl + ["-o", "/dev/null", api.url("/jobs/\(id)/status")])
    }
    try jobd.stop()
    return rows(runs, statuses, firsts, curls, bare) + sshRows(runs, shells)
  }

  /// As a login does for its user.
  private func keepSessions() throws {
    let directory = path("runtime")
    try Files.makeDirectory(directory)
    guard chmod(directory, 0o700) == 0 else { throw BenchFailure("\(directory): it stays open to others") }
    setenv("XDG_RUNTIME_DIR", directory, 1)
  }

  func jobctl(_ server: any Server, _ command: String, _ rest: String...) -> [String] {
    let pki = pki.directory
    return [
      "\(programs)/jobctl", command, "--server", "127.0.0.1:\(server.port)", "--ca", "\(pki)/ca.crt",
      "--cert",
      "\(pki)/bench.crt", "--key", "\(pki)/bench.key",
    ] + rest
  }

  /// The median of a number of runs.
  private func time(_ command: [String]) throws -> Usage {
    var usages: [Usage] = []
    for _ in 0..<(options.quick ? 7 : 15) { usages.append(try Child.run(command).usage) }
    return Usage(wall: usages.map(\.wall).median, cpu: usages.map(\.cpu).median)
  }

  private func rows(
    _ runs: [Usage], _ statuses: [Usage], _ firsts: [Usage], _ curls: [Usage], _ bare: [Usage]
  ) -> [Row] {
    func milliseconds(_ usages: [Usage], _ part: (Usage) -> Double) -> [Double] {
      usages.map { part($0) * 1000 }
    }
    let curl = "curl, one request"
    return [
      Row(
        "jobctl run /bin/true less the job itself, wall", unit: "ms",
        zip(milliseconds(runs, \.wall), milliseconds(bare, \.wall)).map { $0 - $1 }, over: curl,
        milliseconds(curls, \.wall), goal: .atMost(0.85),
        note:
          "the whole \(milliseconds(runs, \.wall).median.text) ms, /bin/true \(milliseconds(bare, \.wall).median.text) ms"
      ),
      Row(
        "jobctl run /bin/true, CPU", unit: "ms", milliseconds(runs, \.cpu), over: curl,
        milliseconds(curls, \.cpu),
        goal: .none),
      Row(
        "jobctl status, wall", unit: "ms", milliseconds(statuses, \.wall), over: curl,
        milliseconds(curls, \.wall),
        goal: .atMost(0.8)),
      Row(
        "jobctl status with a handshake of its own, wall", unit: "ms", milliseconds(firsts, \.wall),
        over: curl,
        milliseconds(curls, \.wall), goal: .none),
      Row(
        "jobctl status, CPU", unit: "ms", milliseconds(statuses, \.cpu), over: curl,
        milliseconds(curls, \.cpu),
        goal: .none),
    ]
  }

  private func sshRows(_ runs: [Usage], _ shells: [Usage]) -> [Row] {
    guard !shells.isEmpty else { return [] }
    return [
      Row(
        "jobctl run /bin/true, wall", unit: "ms", runs.map { $0.wall * 1000 }, over: "ssh ControlMaster true",
        shells.map { $0.wall * 1000 }, goal: .atMost(0.1))
    ]
  }
}

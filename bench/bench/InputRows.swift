import Glibc

/// Standard input through a long link: that of jobctl, which creates the job and waits for its end, beside an upload by
/// curl to a job that is there.
extension Bench {
  private static let roundTrip = 50
  private static let megabytes = 50

  func inputRows() throws -> [Row] {
    let jobd = try Jobd(self, state: "input")
    let link = try DelayedLink(self, to: jobd, milliseconds: Double(Self.roundTrip) / 2)
    let api = Api(self, jobd)
    let file = path("input.bytes")
    try Child.run([
      "dd", "if=/dev/urandom", "of=\(file)", "bs=1000000", "count=\(Self.megabytes)", "status=none",
    ])
    let script = ["-c", "cat >/dev/null"]
    let (runs, uploads) = try interleaved {
      let command = jobctl(link, "run", "sh") + script
      return try Child.run(["sh", "-c", "exec \"$@\" <\"$0\"", file] + command).usage.wall
    } _: {
      let id = try api.create("sh", script, takesInput: true)
      let target = "https://127.0.0.1:\(link.port)/jobs/\(id)/stdin"
      return try Child.run(api.curl + ["--fail", "-o", "/dev/null", "-T", file, target]).usage.wall
    }
    link.stop()
    try jobd.stop()
    return [
      Row(
        "\(Self.megabytes) MB in through \(Self.roundTrip) ms of round trip, jobctl run", unit: "ms",
        runs.map { $0 * 1000 }, over: "curl's one PUT", uploads.map { $0 * 1000 }, goal: .atMost(1.2))
    ]
  }
}

/// A way to a server that delays what passes.
private final class DelayedLink: Server {
  let port: Int
  let pids: [pid_t]
  private let child: Child

  /// `milliseconds`: each way.
  init(_ bench: Bench, to server: any Server, milliseconds: Double) throws {
    child = try Child(["\(bench.programs)/baseline", "delay", "\(server.port)", "\(milliseconds)"])
    pids = [child.pid]
    guard let port = Int(child.read(line: true).dropLast()) else {
      throw BenchFailure("\(child.name) tells no port")
    }
    self.port = port
  }

  func stop() {
    child.closeInput()
    child.wait()
  }
}

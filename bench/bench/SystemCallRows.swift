import Glibc

/// System calls a request and a job: what they cost that no machine makes faster or slower.
extension Bench {
  func systemCallRows() throws -> [Row] {
    let jobd = try Jobd(self, state: "calls")
    let api = Api(self, jobd)
    let id = try api.run()
    let nginx = try Nginx(self, reply: try api.statusText(id))
    let rows = try statusRows(jobd, nginx, "/jobs/\(id)/status") + jobRows(jobd)
    try jobd.stop()
    return rows
  }

  private func statusRows(_ jobd: Jobd, _ nginx: Nginx, _ target: String) throws -> [Row] {
    try [("GET status, one after the other", "1"), ("GET status, pipelined 16 deep", "16")].map {
      name, depth in
      let options = ["--connections", "1", "--depth", depth]
      let ours = try count(jobd, "get", options + ["--path", target])
      let theirs = try count(nginx, "get", options + ["--path", "/status"])
      return Row(
        "system calls of a \(name)", unit: "calls", [ours.map(\.total).reduce(0, +)], over: "nginx",
        [theirs.map(\.total).reduce(0, +)], goal: .none, note: ours[1].text)
    }
  }

  private func jobRows(_ jobd: Jobd) throws -> [Row] {
    let counts = try count(jobd, "jobs", ["--connections", "8"])
    return zip(["supervisor", "api process"], counts).map { process, count in
      Row(
        "system calls of a job with 8 clients, by the \(process)", unit: "calls", [count.total], goal: .none,
        note: count.text)
    }
  }

  /// Of each of the server's processes, each call's number a request or job.
  private func count(_ server: any Server, _ mode: String, _ options: [String]) throws -> [SystemCalls] {
    let traces = try server.pids.map { try SystemCallTrace(of: $0, summary: path("calls.\($0)")) }
    let load = try load(mode, server, ["--seconds", "\(span(2, quick: 1))", "--warmup", "0"] + options)
    let counts = try traces.map { try $0.end(per: load.done) }
    guard counts.contains(where: { $0.total > 0 }) else { throw BenchFailure("strace counted nothing") }
    return counts
  }
}

/// How often what was called, for each request or job.
struct SystemCalls {
  var counts: [(name: String, count: Double)]
  var total: Double { counts.map(\.count).reduce(0, +) }

  /// The most frequent ones, in their order.
  var text: String {
    let often = counts.filter { $0.count >= 0.05 }.sorted { ($0.count, $1.name) > ($1.count, $0.name) }
    return often.map { "\($0.name) \($0.count.fixed(1))" }.joined(separator: ", ")
  }
}

/// Counts what the threads that a process has now call, by strace(1), but not what it starts.
final class SystemCallTrace {
  private let strace: Child
  private let summary: String

  init(of pid: pid_t, summary: String) throws {
    self.summary = summary
    let threads = try Child.run(["ls", "/proc/\(pid)/task"]).text.split(separator: "\n")
    let strace = try Child(
      ["strace", "-qq", "-c", "-U", "name,calls", "-o", summary, "-p", threads.joined(separator: ",")])
    try poll("strace attaches") {
      guard !strace.hasEnded else { throw BenchFailure("strace ended") }
      return try threads.allSatisfy {
        try Files.read("/proc/\($0)/status").contains("TracerPid:\t\(strace.pid)\n")
      }
    }
    self.strace = strace
  }

  func end(per requests: Int) throws -> SystemCalls {
    strace.signal(SIGTERM)
    strace.wait()
    let counts = try Files.read(summary).split(separator: "\n").compactMap { line -> (String, Double)? in
      let words = line.split(separator: " ")
      guard words.count == 2, let count = Double(words[1]), words[0] != "total" else { return nil }
      return (String(words[0]), count / Double(requests))
    }
    return SystemCalls(counts: counts)
  }
}

import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// A daemon with runners.
enum RunnerScope {
  /// The recipes of docs/runners.md, to be copied.
  static func recipes() throws -> [String] {
    let text = Files.text("\(Files.repository)/docs/runners.md")
    // The first example is of the map of clients.
    let parts = text.split(separator: "```json5\n").dropFirst(2)
    return try parts.map { String(try #require($0.split(separator: "```").first)) }
  }

  /// One of them, with the first text in place of the second.
  private static func recipe(_ name: String, with text: String, for other: String) throws -> String {
    let recipe = try #require(try recipes().first { $0.hasPrefix("\(name): {") })
    try #require(recipe.contains(other))
    return recipe.replacing(other, with: text)
  }

  /// Without the directories of an installed daemon.
  static func sandbox() throws -> String {
    try recipe(
      "sandbox", with: "", for: "\"--tmpfs\", \"/var/lib/jobd\", \"--tmpfs\", \"/etc/jobd\", ")
  }

  static func cluster(_ cluster: SlurmCluster) throws -> String {
    try recipe(
      "cluster", with: "environment: { SLURM_CONF: \"\(cluster.configuration)\",", for: "environment: {")
  }

  static func with(
    _ runners: String, _ options: [String] = [], _ body: (Daemon) throws -> Void
  ) throws {
    try Daemon.with(Daemon(options, configuration: "{ runners: { \(runners) } }"), body)
  }

  /// `Daemon` and cluster, both ended afterwards: the daemon first, which ends its jobs.
  static func withCluster(
    _ options: [String] = [], _ body: (Daemon, SlurmCluster) throws -> Void
  ) throws {
    try SlurmCluster.with { slurm in
      try with(try cluster(slurm), options) { daemon in
        try body(daemon, slurm)
        try Poll.until("an empty queue") { try slurm.squeue().isEmpty }
      }
    }
  }
}

extension CreateRequest {
  static func shell(_ script: String, runner: String) -> CreateRequest {
    var request = CreateRequest(cmd: "sh", args: ["-c", script])
    request.runner = runner
    return request
  }
}

extension JobClient {
  func waitForOutput(_ text: String, of id: JobID) throws {
    try Poll.until("\"\(text)\" of a job") { try output(id).stdout.contains(text) }
  }

  func pid(of id: JobID) throws -> pid_t {
    var pid: pid_t?
    try Poll.until("a job's pid") {
      pid = try detail(id).pid
      return pid != nil
    }
    return pid!
  }
}

extension Processes {
  /// Those whose command line has a word.
  static func withWord(_ word: String) -> [pid_t] {
    Files.list("/proc").compactMap { pid_t($0) }.filter { pid in
      isAlive(pid)
        && Files.text("/proc/\(pid)/cmdline").split(separator: "\0").contains { $0 == word }
    }
  }

  /// Ends a process and all below it, at once.
  static func killTree(_ pid: pid_t) {
    let all = [pid] + descendants(pid)
    for pid in all { kill(pid, SIGSTOP) }
    for pid in all + descendants(pid) { kill(pid, SIGKILL) }
  }
}

import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// A daemon with runners.
enum RunnerScope {
  /// As docs/runners.md has it, without the directories of an installed daemon.
  static let sandbox = """
    sandbox: {
      command: ["bwrap", "--unshare-all", "--cap-drop", "ALL", "--ro-bind", "/", "/", "--proc", "/proc",
        "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/run", ["--chdir", "{cwd}"], "--", "{env}"],
    },
    """

  static func cluster(_ cluster: SlurmCluster) -> String {
    """
    cluster: {
      command: ["srun", "--quiet", "--job-name={id}", ["--mem={memory_mib}"], ["--cpus-per-task={cpus}"],
        ["--time={timeout_minutes}"], "--", ["env", "--chdir={cwd}", "--"], "{env}"],
      limits: "runner",
      signal: ["scancel", "--state=RUNNING", "--signal={signal}", "--name={id}"],
      cleanup: ["scancel", "--full", "--name={id}"],
      cleaned: ["squeue", "--noheader", "--name={id}"],
      failure_codes: [253],
      environment: { SLURM_CONF: "\(cluster.configuration)", SLURM_EXIT_ERROR: "253" },
    },
    """
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
      try with(cluster(slurm), options) { daemon in
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

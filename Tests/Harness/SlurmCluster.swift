import Glibc

/// A Slurm cluster of three nodes on this host, of Debian's packages.
package final class SlurmCluster {
  package let scratch: Scratch
  /// The file that names it, in SLURM_CONF.
  package let configuration: String
  private let process: Running

  /// Returns when its nodes are ready.
  package init() throws {
    let scratch = try Scratch()
    let directory = "\(scratch.path)/slurm"
    let process = try Running(
      "\(Files.repository)/scripts/slurm-cluster.sh", [directory], directory: scratch)
    (self.scratch, self.process, configuration) = (scratch, process, "\(directory)/slurm.conf")
    do {
      try Poll.until("a Slurm cluster to be ready", seconds: 120) {
        if process.hasEnded { throw Poll.TimeIsUp(description: "it ended: \(process.errorText)") }
        return process.text.hasPrefix("ready")
      }
    } catch {
      end()
      throw error
    }
  }

  /// Runs `body` with a cluster that is ended afterwards, whatever it still runs.
  package static func with<Value>(_ body: (SlurmCluster) throws -> Value) throws -> Value {
    let cluster = try SlurmCluster()
    defer { cluster.end() }
    return try body(cluster)
  }

  package var environment: [String: String] { ["SLURM_CONF": configuration] }

  /// One of Slurm's programs.
  package func start(_ program: String, _ arguments: [String], input: [UInt8]? = nil) throws -> Running {
    try Running(program, arguments, environment: environment, input: input, directory: scratch)
  }

  package func run(_ program: String, _ arguments: String..., input: [UInt8]? = nil) throws -> Finished {
    try start(program, arguments, input: input).wait()
  }

  /// Jobs that are not at their end: those of a name, or all.
  package func squeue(name: String? = nil) throws -> [String] {
    let arguments = ["--noheader", "--format=%j %T"] + (name.map { ["--name=\($0)"] } ?? [])
    let asked = try start("squeue", arguments).wait()
    guard asked.status == 0 else { throw Poll.TimeIsUp(description: "squeue: \(asked.errorText)") }
    return asked.text.split(separator: "\n").map(String.init)
  }

  /// Processes that were started with its configuration: its daemons, srun, and jobs.
  package var processes: [pid_t] {
    Files.list("/proc").compactMap { pid_t($0) }.filter { pid in
      Processes.isAlive(pid)
        && Files.text("/proc/\(pid)/environ").split(separator: "\0").contains("SLURM_CONF=\(configuration)")
    }
  }

  /// Ends it, its jobs, and what waits for them.
  package func end() {
    process.signal(SIGTERM)
    _ = try? process.wait()
    scratch.remove()
  }
}

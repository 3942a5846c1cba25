import Glibc
import Harness
import JobAPI
import JobClient

/// Brings the daemon to where it was already busy once: what it keeps for later use is there from then on.
enum WarmUp {
  /// Runs `jobs` at once; the directory of the jobs' cgroups, where they have some.
  static func run(_ client: JobClient, jobs: Int) throws -> String? {
    let requests = Array(repeating: CreateRequest(cmd: "sleep", args: ["2"]), count: jobs)
    let ids = try client.create(requests).compactMap(\.id)
    for id in ids {
      _ = try client.end(of: id)
      try client.delete(id)
    }
    let (id, _) = try client.run("cat", "/proc/self/cgroup")
    let text = try client.output(id).stdout
    try client.delete(id)
    return cgroup(text)
  }

  /// From what a job's /proc/self/cgroup says (cgroups(7)): the parent of the job's own.
  private static func cgroup(_ text: String) -> String? {
    let line = text.split(separator: "\n").first { $0.hasPrefix("0::/") }
    let mount = Files.text("/proc/self/mounts").split(separator: "\n").map { $0.split(separator: " ") }
      .first { $0.count > 2 && $0[2] == "cgroup2" }
    guard let mount, let path = line?.dropFirst(3), path.contains("/jobd-") else { return nil }
    return "\(mount[1])\(path[..<path.lastIndex(of: "/")!])"
  }
}

import Glibc

/// What the figures were measured on.
enum Machine {
  /// A running job takes five descriptors of the supervisor: its process, its two pipes and two for its cgroup.
  static func mostRunningJobs() throws -> Int {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
      throw BenchFailure("getrlimit failed")
    }
    return max(0, Int(min(limit.rlim_max, 1 << 20)) - 500) / 5
  }

  /// Lets this program, and what it starts, open as many files as ten thousand jobs or connections need, where it may.
  static func raiseDescriptorLimit() {
    var wanted = rlimit(rlim_cur: 1 << 17, rlim_max: 1 << 17)
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &wanted)
  }

  /// Threads, or processes, that serve connections: jobd's own choice, and as many of nginx.
  static let workers = min(max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)) / 2), 4)

  static func describe(_ bench: Bench) -> [[String]] {
    let cpu = try? Files.read("/proc/cpuinfo").split(separator: "\n").first { $0.hasPrefix("model name") }?
      .split(separator: ":").last
    let memory = (try? Files.kibibytes("/proc/meminfo")["MemTotal"]).flatMap { $0 } ?? 0
    let system = (try? Files.read("/etc/os-release"))?.split(separator: "\n").first {
      $0.hasPrefix("PRETTY_NAME=")
    }
    let disk =
      (try? Child.run(["findmnt", "-n", "-o", "SOURCE,FSTYPE", "-T", bench.options.scratch]).text) ?? ""
    return [
      ["processor", "\(sysconf(Int32(_SC_NPROCESSORS_ONLN))) x\(cpu ?? "")"],
      ["memory", "\((memory / 1_048_576).text) GiB"],
      ["kernel", ((try? Files.read("/proc/sys/kernel/osrelease")) ?? "").trimmed],
      ["system", system.map { $0.dropFirst(12).filter { $0 != "\"" } } ?? ""],
      ["file system", disk.trimmed],
      ["nginx", version(["nginx", "-v"])],
      ["OpenSSL", version(["openssl", "version"])],
      ["load before", ((try? Files.read("/proc/loadavg")) ?? "").trimmed],
      ["rounds", "\(bench.rounds)\(bench.options.quick ? ", quick" : "")"],
    ]
  }

  private static func version(_ command: [String]) -> String {
    let quoted = command.joined(separator: " ")
    return ((try? Child.run(["sh", "-c", "\(quoted) 2>&1"]).text) ?? "").trimmed
  }
}

extension String {
  var trimmed: String { split(separator: "\n").joined(separator: " ") }
}

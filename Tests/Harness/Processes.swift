import Glibc

/// What the system says of processes.
package enum Processes {
  /// A process that was killed is not gone before the last of its threads is, which may hold its files open for a while
  /// after the first has become a zombie.
  package static func isAlive(_ pid: Int32) -> Bool {
    let stat = Files.text("/proc/\(pid)/stat")
    guard let end = stat.lastIndex(of: ")") else { return false }
    return !stat[end...].dropFirst(2).hasPrefix("Z") || threads(pid) > 1
  }

  /// Whether a thread is watched by strace(1) or the like.
  package static func isTraced(_ thread: Int32) -> Bool {
    let status = Files.text("/proc/\(thread)/status")
    return status.split(separator: "\n").contains { $0.hasPrefix("TracerPid:") && !$0.hasSuffix("\t0") }
  }

  /// Waits until a process does nothing any more: its CPU time, in hundredths of a second, stays as it is.
  package static func waitUntilIdle(_ pid: Int32) throws {
    var last: [Substring] = []
    var same = 0
    try Poll.until("process \(pid) to be idle") {
      // The fields after the name: user and system time are the 12th and 13th of them (proc_pid_stat(5)).
      let fields = Files.text("/proc/\(pid)/stat").split(separator: ")").last?.split(separator: " ") ?? []
      let now = Array(fields.dropFirst(11).prefix(2))
      same = now == last ? same + 1 : 0
      last = now
      return same == 10
    }
  }

  package static func descriptors(_ pid: Int32) -> Int { Files.list("/proc/\(pid)/fd").count }

  /// What each open descriptor is of.
  package static func descriptorTargets(_ pid: Int32) -> [String] {
    Files.list("/proc/\(pid)/fd").map { Files.target("/proc/\(pid)/fd/\($0)") }.sorted()
  }

  package static func threads(_ pid: Int32) -> Int { Files.list("/proc/\(pid)/task").count }

  /// A line of /proc/PID/status.
  package static func status(_ pid: Int32, _ name: String) -> String {
    let line = Files.text("/proc/\(pid)/status").split(separator: "\n").first { $0.hasPrefix(name + ":") }
    return line.map { $0.dropFirst(name.count + 1).trimmingPrefix { $0 == " " || $0 == "\t" } }.map(
      String.init) ?? ""
  }

  /// Resident memory in KiB.
  package static func resident(_ pid: Int32) -> Int {
    Int(status(pid, "VmRSS").split(separator: " ").first ?? "0") ?? 0
  }

  /// Resident memory of its own in KiB, without files that are mapped.
  package static func anonymous(_ pid: Int32) -> Int {
    Int(status(pid, "RssAnon").split(separator: " ").first ?? "0") ?? 0
  }

  /// Children of a process, zombies too.
  package static func children(_ pid: Int32) -> [Int32] {
    Files.list("/proc/\(pid)/task").flatMap { task in
      Files.text("/proc/\(pid)/task/\(task)/children").split(separator: " ").compactMap { Int32($0) }
    }
  }

  /// Children, their children, and so on.
  package static func descendants(_ pid: Int32) -> [Int32] {
    children(pid).flatMap { [$0] + descendants($0) }
  }

  /// Whether it is an api process of jobd.
  package static func isApi(_ pid: Int32) -> Bool {
    Files.text("/proc/\(pid)/cmdline").split(separator: "\0").prefix(2).elementsEqual(["jobd", "api"])
  }

  package static func isSupervisor(_ pid: Int32) -> Bool {
    let words = Files.text("/proc/\(pid)/cmdline").split(separator: "\0")
    return words.count > 1 && words[0].hasSuffix("/jobd") && words[1] == "supervisor"
  }

  /// Whether it is of a job: what was seen earlier may have another's number by now.
  package static func isOfJob(_ pid: Int32) -> Bool {
    Files.text("/proc/\(pid)/environ").split(separator: "\0").contains { $0.hasPrefix("JOBD_JOB_ID=") }
  }
}

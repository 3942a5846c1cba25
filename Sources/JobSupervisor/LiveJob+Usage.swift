import Glibc
import JobAPI
import JobModel
import Platform

extension LiveJob {
  /// What it uses now; nil: it does not run.
  func usage() -> JobUsage? {
    guard !hasEnded, let pid = running?.pid, pid > 0 else { return nil }
    var usage = ProcessUsage.read(pid, of: id)
    usage?.firstOutput = firstOutput ?? 0
    return usage
  }
}

/// What the kernel tells of one process (proc(5)).
private enum ProcessUsage {
  private static let ticks = UInt64(max(1, sysconf(Int32(_SC_CLK_TCK))))
  private static let page = UInt64(max(1, sysconf(Int32(_SC_PAGESIZE))))

  /// Its time with that of the children it waited for.
  static func read(_ pid: pid_t, of id: JobID) -> JobUsage? {
    guard let status = try? SmallFile.read("/proc/\(pid)/stat", most: 4096),
      let name = status.lastIndex(of: UInt8(ascii: ")"))
    else { return nil }
    // The name may hold anything. After it comes the state, the third field.
    let fields = numbers(status[(name + 1)...])
    guard fields.count > 14 else { return nil }
    func time(_ own: Int, _ children: Int) -> UInt64 {
      (fields[own - 3] + fields[children - 3]) * 1_000_000 / ticks
    }
    let memory = (try? SmallFile.read("/proc/\(pid)/statm", most: 4096)).map { numbers($0[...]) }
    return JobUsage(
      id: id, userTime: time(14, 16), systemTime: time(15, 17),
      memory: memory.flatMap { $0.count > 1 ? $0[1] * page : nil })
  }

  /// 0 for what is none.
  private static func numbers(_ text: ArraySlice<UInt8>) -> [UInt64] {
    text.split { $0 == 0x20 || $0 == 0x0a }.map { UInt64(String(decoding: $0, as: UTF8.self)) ?? 0 }
  }
}

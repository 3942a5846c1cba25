import Glibc
import Platform

/// Limits of the process.
enum Limits {
  /// What whoever started this process left open is nobody else's.
  static func closeInheritedOnExec() {
    for descriptor in Directory.names("/proc/self/fd").compactMap({ Int32($0) }) where descriptor > 2 {
      _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    }
  }

  /// A job costs descriptors, and so does a connection: as many as the system lets this process have. The limit it
  /// had before, which is that of jobs.
  static func raiseDescriptors() -> UInt64 {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 0 }
    let before = limit.rlim_cur
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    return UInt64(before)
  }
}

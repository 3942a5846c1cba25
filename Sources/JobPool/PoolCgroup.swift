import CJobEngine
import Glibc
import Platform

/// The directory of a pool's cgroups. Whoever uses one has a lock on it: those of processes that ended without releasing
/// their pools are removed by the next pool of any process.
struct PoolCgroup {
  let path: String
  /// Open, and locked, for as long as the pool is there.
  private let lock: Int32

  private static let prefix = "jobpool-"

  /// Nil where there is no cgroup v2 hierarchy to be written.
  init?() {
    var found: UnsafeMutablePointer<CChar>?
    guard jc_cgroup_find(&found) == 0, let found else { return nil }
    defer { free(found) }
    let parent = String(cString: found)
    Self.sweep(parent)
    // Another process may sweep it away before it is locked.
    for _ in 0..<3 {
      guard let path = Self.claim(in: parent) else { return nil }
      guard let lock = Self.lock(path, LOCK_SH) else { continue }
      guard access(path, F_OK) == 0 else {
        close(lock)
        continue
      }
      (self.path, self.lock) = (path, lock)
      return
    }
    return nil
  }

  /// Named like no other's.
  private static func claim(in parent: String) -> String? {
    var claimed: UnsafeMutablePointer<CChar>?
    let name = "\(prefix)\(getpid())-\(String(UInt32.random(in: 0...UInt32.max), radix: 16))"
    guard jc_cgroup_claim(parent, name, nil, 0, &claimed) == 0, let claimed else { return nil }
    defer { free(claimed) }
    return String(cString: claimed)
  }

  /// The open directory; nil when it is gone, or another has a lock on it that excludes this one.
  private static func lock(_ path: String, _ operation: Int32) -> Int32? {
    let directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else { return nil }
    guard flock(directory, operation | LOCK_NB) == 0 else {
      close(directory)
      return nil
    }
    return directory
  }

  private static func sweep(_ parent: String) {
    for name in Directory.names(parent) where name.hasPrefix(prefix) {
      guard let lock = lock("\(parent)/\(name)", LOCK_EX) else { continue }
      jc_cgroup_release("\(parent)/\(name)")
      close(lock)
    }
  }

  func release() {
    jc_cgroup_release(path)
    close(lock)
  }
}

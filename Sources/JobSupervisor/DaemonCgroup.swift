import CJobEngine
import CKeeper
import Glibc
import JobModel
import Platform

/// The leaf of the delegated cgroup that keeper, supervisor and api process are in, so that controllers can be turned on
/// for the cgroups of jobs beside it (cgroups(7), "no internal processes").
struct DaemonCgroup {
  private let parent: String
  private var path: String { "\(parent)/\(JC_DAEMON_LEAF)" }

  /// Moves the daemon into it. Nil where that is not possible, or not needed: the root of the hierarchy may have
  /// processes beside children.
  init?(in parent: String, _ log: Log) {
    self.parent = parent
    guard access("\(parent)/cgroup.type", F_OK) == 0 else { return nil }
    let status = jc_cgroup_move_daemon(path, Int32(JK_LINK))
    guard status == 0 else {
      log.warn("no_daemon_cgroup", ["path": path, "reason": SystemError.text(of: -status)])
      return nil
    }
  }

  /// Moves the daemon back, where no controller that another daemon uses forbids it, and removes the leaf, unless that is
  /// in it.
  func release() {
    Cleanup.turnOffControllers(parent)
    _ = jc_cgroup_move_daemon(parent, Int32(JK_LINK))
    rmdir(path)
  }
}

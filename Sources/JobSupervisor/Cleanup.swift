import CJobEngine
import Glibc
import JobModel
import JobStore
import Platform

/// After a daemon ended, in whatever way: waits until nobody uses its state directory any more, ends what is left of its
/// jobs, and removes its cgroups, so that a service manager can start it again. A daemon that was stopped in order left
/// nothing.
package enum Cleanup {
  /// Milliseconds that a supervisor whose keeper died has for an orderly end: well below the 90 s of the unit, after which
  /// systemd would end this process, and leave the rest.
  private static let patience = 60_000
  /// Milliseconds until a process that was killed is gone.
  private static let lastPatience = 5000

  package static func run(_ configuration: Configuration) throws {
    let directory = configuration.stateDirectory
    guard access(directory, F_OK) == 0 else { return }
    let lock = try wait(for: directory)
    defer { withExtendedLifetime(lock) {} }
    // A keeper that is about to start the next supervisor holds the socket.
    guard !ControlClient.canConnect(directory) else {
      throw DaemonError("a jobd serves the state directory \(directory): stop it first")
    }
    endLeftovers(directory)
    guard configuration.cgroup else { return }
    // Where there is none that can be written, there was none for the jobs.
    guard let parent = try? JobCgroup.parent(configuration) else { return }
    let name = JobCgroup.name(of: directory)
    if access("\(parent)/\(name)", F_OK) == 0 {
      jc_cgroup_release(try JobCgroup.claim(name, in: parent, sparing: []))
    }
    removeLeaf(parent)
    turnOffControllers(parent)
  }

  /// Those that no cgroup tells of. A database that cannot be read names none.
  private static func endLeftovers(_ directory: String) {
    guard let running = try? Store.runningJobs(in: directory), !running.isEmpty else { return }
    LeftoverProcesses.kill(jobs: Set(running.map(\.record.id)))
  }

  /// A supervisor whose keeper is gone ends by itself, or is killed: its jobs' results so far are on disk. One that has
  /// a keeper is somebody else's daemon, which lives.
  private static func wait(for directory: String) throws -> StateLock {
    // Another user's file could name any process to be killed.
    try StateLock.checkOwner(of: directory)
    if let holder = StateLock.holder(in: directory), hasKeeper(holder) {
      throw DaemonError("a jobd (pid \(holder)) uses the state directory \(directory): stop it first")
    }
    if let lock = try? StateLock(directory: directory, patience: patience) { return lock }
    if let pid = StateLock.holder(in: directory), !hasKeeper(pid) { kill(pid, SIGKILL) }
    return try StateLock(directory: directory, patience: lastPatience)
  }

  /// proc_pid_stat(5): the parent is the second field after the name, which is in parentheses.
  private static func hasKeeper(_ pid: pid_t) -> Bool {
    let fields = text("/proc/\(pid)/stat").split(separator: ")").last?.split(separator: " ") ?? []
    return fields.count > 1 && text("/proc/\(fields[1])/comm") == "jobd-keeper\n"
  }

  private static func text(_ path: String) -> String {
    String(decoding: (try? SmallFile.read(path, most: 4096)) ?? [], as: UTF8.self)
  }

  /// The api process ends with its supervisor, in a moment.
  private static func removeLeaf(_ parent: String) {
    let leaf = "\(parent)/\(JC_DAEMON_LEAF)"
    for _ in 0..<lastPatience / 10 where access(leaf, F_OK) == 0 {
      if rmdir(leaf) != 0 { usleep(10_000) }
    }
  }

  static func turnOffControllers(_ parent: String) {
    let path = "\(parent)/cgroup.subtree_control"
    guard let bytes = try? SmallFile.read(path, most: 4096), case let file = open(path, O_WRONLY | O_CLOEXEC),
      file >= 0
    else { return }
    defer { close(file) }
    for controller in String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace) {
      let order = Array("-\(controller)".utf8)
      _ = write(file, order, order.count)
    }
  }
}

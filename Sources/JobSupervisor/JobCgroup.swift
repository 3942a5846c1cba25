import CJobEngine
import Glibc
import JobModel
import Platform

/// The cgroup v2 directory that holds the jobs' own, claimed for this daemon, and the one beside it for jobs with limits.
struct JobCgroup {
  let path: String
  /// Which limits the jobs in it can have.
  let limits: HostLimits
  private let daemon: DaemonCgroup?

  /// What runs in it is killed, but in the cgroups with the numbers `spared`. Nil where no writable hierarchy is
  /// found: process groups are used then.
  init?(_ configuration: Configuration, _ log: Log, sparing spared: [Int64]) throws(SystemError) {
    guard configuration.cgroup else { return nil }
    do throws(SystemError) {
      let parent = try Self.parent(configuration)
      daemon = configuration.cgroupParent == nil ? DaemonCgroup(in: parent, log) : nil
      path = try Self.claim(Self.name(of: configuration.stateDirectory), in: parent, sparing: spared)
    } catch {
      guard configuration.cgroupParent == nil else { throw error }
      log.warn("no_cgroup", ["reason": "\(error)", "instead": "process groups"])
      return nil
    }
    limits = HostLimits(turningOnIn: path)
  }

  /// The directory to make it in.
  static func parent(_ configuration: Configuration) throws(SystemError) -> String {
    if let given = configuration.cgroupParent { return given }
    var found: UnsafeMutablePointer<CChar>?
    let status = jc_cgroup_find(&found)
    guard status == 0, let found else { throw SystemError(status, "find a writable cgroup v2 hierarchy") }
    defer { free(found) }
    return String(cString: found)
  }

  static func claim(
    _ name: String, in parent: String, sparing spared: [Int64]
  ) throws(SystemError) -> String {
    var claimed: UnsafeMutablePointer<CChar>?
    let status = jc_cgroup_claim(parent, name, spared, spared.count, &claimed)
    guard status == 0, let claimed else { throw SystemError(status, "use the cgroup \(parent)/\(name)") }
    defer { free(claimed) }
    return String(cString: claimed)
  }

  /// Another daemon's state directory has another name; the same one's finds what its predecessor left behind.
  static func name(of stateDirectory: String) -> String { "jobd-" + StableHash.text(stateDirectory) }

  func release() {
    // Commands of runners that were killed are gone in a moment.
    for _ in 0..<50 {
      jc_cgroup_release(path)
      guard access(path, F_OK) == 0 else { break }
      usleep(10_000)
    }
    daemon?.release()
  }
}

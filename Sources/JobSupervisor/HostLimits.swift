import CJobEngine
import Glibc
import JobModel
import Platform

/// Which limits jobs can have on this host, and why not the others (cgroups(7)).
package struct HostLimits {
  /// A limit's name in a request, the controller that enforces it, and why that cannot be had; nil: it can.
  private typealias Limit = (name: String, controller: String, failure: String?)
  private var all: [Limit] = [
    ("memory", "memory", nil), ("cpus", "cpu", nil), ("processes", "pids", nil),
  ]

  /// Why a job cannot have these limits, which would be without effect; nil: it can.
  func refusal(of limits: JobPolicy.Limits) -> Refusal? {
    guard limits != (0, 0, 0) else { return nil }
    let asked = JobPolicy.names(of: limits)
    for limit in all where asked.contains(limit.name) {
      guard let failure = limit.failure else { continue }
      return Refusal(
        reason: .invalid, text: "limits: this host cannot enforce \"\(limit.name)\": \(failure)")
    }
    return nil
  }

  /// The names of those that it can enforce.
  var enforced: [String] { all.filter { $0.failure == nil }.map(\.name) }

  /// For the log.
  var fields: Log.Fields {
    ["memory": Self.text(all[0]), "cpus": Self.text(all[1]), "processes": Self.text(all[2])]
  }

  private static func text(_ limit: Limit) -> String { limit.failure.map { "no: \($0)" } ?? "yes" }

  /// A line for each limit: what a daemon with this configuration would find that is started where this process is.
  package static func describe(_ configuration: Configuration) -> [String] {
    Self(configuration).all.map { "limit of \($0.name): \(text($0))" }
  }

  private init() {}

  init(none why: String) { for index in all.indices { all[index].failure = why } }

  /// Turns on all that can be for the jobs with limits of a claimed directory.
  init(turningOnIn path: String) {
    for index in all.indices {
      var failed: UnsafeMutablePointer<CChar>?
      let status = jc_cgroup_turn_on(path, all[index].controller, &failed)
      defer { free(failed) }
      guard status != 0 else { continue }
      all[index].failure = Self.reason(
        status, all[index].controller, failed.map { String(cString: $0) } ?? path)
    }
  }

  private init(_ configuration: Configuration) {
    guard configuration.cgroup else {
      self.init(none: "the configuration has cgroup: false")
      return
    }
    do throws(SystemError) {
      self.init(lookingIn: try JobCgroup.parent(configuration), isOwn: configuration.cgroupParent == nil)
    } catch {
      self.init(none: "\(error)")
    }
  }

  private init(lookingIn parent: String, isOwn: Bool) {
    guard let available = Self.words(of: "\(parent)/cgroup.controllers") else {
      self.init(none: "\(parent) is no cgroup v2 directory")
      return
    }
    self.init()
    let on = Self.words(of: "\(parent)/cgroup.subtree_control") ?? []
    // Its own processes the daemon moves out of the way, and the root may have some beside children.
    let isFree =
      isOwn || access("\(parent)/cgroup.type", F_OK) != 0
      || Self.words(of: "\(parent)/cgroup.procs")?.isEmpty != false
    for index in all.indices {
      let controller = all[index].controller
      guard !on.contains(controller) else { continue }
      if !available.contains(controller) {
        all[index].failure = Self.reason(-ENOENT, controller, parent)
      } else if !isFree {
        all[index].failure = Self.reason(-EBUSY, controller, parent)
      }
    }
  }

  /// Nil: there is no such file.
  private static func words(of path: String) -> [String]? {
    guard let bytes = try? SmallFile.read(path, most: 65536) else { return nil }
    return String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace).map(String.init)
  }

  private static func reason(_ status: Int32, _ controller: String, _ path: String) -> String {
    switch -status {
    case ENOENT: "the controller \(controller) is not among \(path)/cgroup.controllers"
    case EBUSY: "there are processes in \(path), so that \(controller) cannot be turned on for its children"
    default: "turn on \(controller) for the children of \(path): \(SystemError.text(of: -status))"
    }
  }
}

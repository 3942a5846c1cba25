import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// A daemon below a service manager that starts it again, at the same port, when it was killed.
struct ManagedDaemon {
  let daemon: Daemon
  let manager: ServiceManager

  /// `limits`: arguments of prlimit(1) to start the daemon under.
  static func with(
    _ options: [String] = [], gifts: [String: String] = [:], limits: [String] = [],
    _ body: (ManagedDaemon) throws -> Void
  ) throws {
    let manager = try ServiceManager()
    defer { manager.remove() }
    let daemon = try Daemon(
      options, under: manager.command(gifts: gifts) + (limits.isEmpty ? [] : ["/usr/bin/prlimit"] + limits),
      port: FreePort.find())
    Daemon.with(daemon) { try body(ManagedDaemon(daemon: $0, manager: manager)) }
  }

  private var timesListening: Int {
    daemon.log.split(separator: "\n").count { $0.contains("event=listening") }
  }

  /// Kills the supervisor and waits until another one serves.
  func killSupervisor(_ meanwhile: () throws -> Void = {}) throws {
    let before = timesListening
    try manager.killMain(meanwhile)
    try Poll.until("another supervisor to listen") { timesListening > before }
  }

  /// Waits until the jobs would survive the supervisor.
  func waitUntilHeld(_ ids: JobID...) throws {
    for id in ids { try Poll.until("the entry of \(id)") { manager.held.contains("\(id)") } }
  }

  func client() -> JobClient { daemon.client() }
}

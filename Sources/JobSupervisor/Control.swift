import Glibc
import JobAPI
import JobModel
import Platform

/// What an operator asks for over the control socket.
extension Supervisor {
  func asked(_ request: ControlRequest, by asker: ControlSocket.Asker) {
    switch request {
    case .upgrade: upgradeAsked(by: asker)
    case .reload: reload(.request, for: asker)
    case .status: asker.answer(state == "serving" ? .done(statusText) : .failed(statusText))
    }
  }

  private var state: String {
    if shutdown != nil { return "stopping" }
    return upgrade != nil ? "upgrading" : apis.isServing ? "serving" : "not serving"
  }

  private var statusText: String {
    let uptime = (Clock.microseconds() - Int64(counts[.startTime])) / 1_000_000
    let lines: KeyValuePairs = [
      "state": state,
      "address": apis.listeners.address,
      "version": Version.text,
      "uptime": "\(uptime) s",
      "keeper": isKept ? "pid \(getppid())" : "died",
      "supervisor": "pid \(getpid()), number \(keeper.starts) of this keeper",
      "api": apis.isEmpty ? "none" : apis.pids.map { "pid \($0)" }.joined(separator: ", "),
      "jobs":
        "\(book.running) running, \(book.waiting.count) waiting, \(live.values.count { $0.isHeld }) held by the keeper",
      "state directory": directory.path,
    ]
    return lines.map { "\($0.key): \($0.value)" }.joined(separator: "\n")
  }

  /// Tells who asked for the upgrade that brought this supervisor, and the log, what came of it. It serves.
  func tellOutcome() {
    handle(.launchesResumed)
    guard let asker = inheritance.takeAsker() else {
      if keeper.cause == .upgrade { log.info("upgraded", ["jobs": "\(live.count)"]) }
      return
    }
    keeper.release(ControlSocket.askerName)
    let reason = keeper.predecessor.end
    switch keeper.cause {
    case .upgrade:
      log.info("upgraded", ["jobs": "\(live.count)"])
      asker.answer(.done("version \(Version.text) serves"))
    case .return:
      asker.answer(.failed("the new binary did not serve, the one before does again: \(reason)"))
    case .start, .death:
      asker.answer(.failed("the supervisor died, and another serves: \(reason)"))
    }
  }
}

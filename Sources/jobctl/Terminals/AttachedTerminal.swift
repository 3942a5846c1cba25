import Glibc
import JobClient
import Platform

/// A job's terminal on jobctl's own: its output as it comes, what is typed to the job, and both of one size. The main thread
/// follows the job; others read keys and wait for signals, and may end jobctl.
final class AttachedTerminal: Sendable {
  private let id: JobID
  private let terminal: LocalTerminal
  private let resizer: TerminalResizer
  private let keys: TerminalKeys
  private let lost: LostConnection

  /// The terminal is the job's from here on; ``follow(_:after:takesOver:)`` follows.
  init(_ settings: ConnectionSettings, _ id: JobID, leftBy keys: DetachKeys) throws {
    self.id = id
    let writer = TerminalWriter.name
    resizer = TerminalResizer(settings, id, as: writer)
    self.keys = try TerminalKeys(settings, id, as: writer, keys)
    terminal = try LocalTerminal(takesKeys: true)
    lost = LostConnection { [terminal] in terminal.say($0) }
    terminal.enter()
    do {
      try TerminalSignals.handle(terminal) { [resizer] in
        resizer.resize()
      } redraw: { [resizer] in
        resizer.redraw()
      } end: { [self] in
        end(by: $0)
      }
      try resizer.start()
    } catch {
      terminal.end()
      throw error
    }
  }

  /// Returns the job's status at its end. `past`: what it wrote before, of which the last is shown; a program may have drawn its
  /// screen with it. Nil: the job has just begun. `takesOver`: in place of whoever writes.
  func follow(_ client: JobClient, after past: TerminalPast? = nil, takesOver: Bool = false) throws
    -> StatusReply
  {
    let redraws = past != nil
    let bridge = Bridge(client)
    // The daemon has told of the job.
    bridge.reached()
    bridge.onLoss = { [lost] in lost.lost() }
    bridge.onReturn = { [lost] in lost.isBack() }
    let output = TerminalOutput(terminal, answersFrom: past?.end ?? 0) { [self] in
      begin(redraws)
    } first: { [resizer] in
      // A job that had to wait for a slot had no terminal yet.
      resizer.resize()
    }
    if redraws { terminal.resetColour() }
    do {
      let status = try LogFollower(
        client, id, bridge, past?.query ?? [:], as: TerminalWriter.name, takesOver: takesOver
      ).read(follows: true, output)
      terminal.end()
      return status
    } catch {
      terminal.end()
      terminal.beginLine()
      throw error
    }
  }

  /// What jobctl prints next begins a line.
  func beginLine() { terminal.beginLine() }
  /// A line of jobctl's own.
  func say(_ line: String) { terminal.say(line) }

  /// The job's terminal is this one's to write to.
  private func begin(_ redraws: Bool) {
    do {
      try keys.start { [self] in
        terminal.end()
        tellHowItGoesOn()
        _exit($0 == .left ? ExitCode.success.rawValue : 128 + SIGHUP)
      } failed: { [self] in
        fail($0)
      }
      if redraws { resizer.redraw() }
    } catch {
      fail(error)
    }
  }

  private func tellHowItGoesOn(isKnown: Bool = true) {
    terminal.say("jobctl: \(Self.goesOn(id, isKnown: isKnown && !lost.isLost))")
  }

  /// How a job is found again. `isKnown`: the daemon is there, which would have said otherwise.
  static func goesOn(_ id: JobID, isKnown: Bool) -> String {
    let job = id.short
    return "job \(job) \(isKnown ? "goes" : "may go") on; take it up again with \"jobctl attach \(job)\", "
      + "or end it with \"jobctl stop \(job)\""
  }

  private func end(by signal: Int32) {
    terminal.end()
    tellHowItGoesOn()
    TerminalSignals.die(by: signal)
  }

  private func fail(_ error: any Error) {
    terminal.end()
    terminal.say("jobctl: what is typed does not reach the job any longer: \(error)")
    tellHowItGoesOn(isKnown: (error as? ClientError)?.isTransient == false)
    _exit((error as? ClientError).map { ExitCode($0) }?.rawValue ?? ExitCode.other.rawValue)
  }
}

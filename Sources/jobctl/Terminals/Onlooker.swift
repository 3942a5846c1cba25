import Glibc
import JobClient
import Platform

/// Shows what a job writes to its terminal, and leaves the job alone: what is typed is nobody's, but for keys that leave it.
struct Onlooker {
  private let client: JobClient
  private let job: JobDetail
  private let keys: DetachKeys

  /// `keys`: what leaves it beside Ctrl-C.
  init(_ client: JobClient, _ job: JobDetail, leftBy keys: DetachKeys) {
    (self.client, self.job, self.keys) = (client, job, keys)
  }

  /// Returns the job's status at its end. Where it is shown on a terminal that is as it was then, and also when a signal or a
  /// key ends jobctl.
  func follow() throws -> StatusReply {
    let follower = LogFollower(client, job.id, Bridge(client), TerminalPast(job).query)
    guard Screen.isTerminal else { return try follower.read(follows: true, OutputWriter()) }
    let takesKeys = job.status == .running && LocalTerminal.hasKeys
    let terminal = try LocalTerminal(takesKeys: takesKeys, dropsKeys: true)
    terminal.enter()
    defer {
      terminal.end()
      terminal.beginLine()
    }
    try TerminalSignals.handle(terminal) { signal in
      terminal.end()
      TerminalSignals.die(by: signal)
    }
    if job.status == .running { greet(terminal) }
    if takesKeys {
      let keys = OnlookerKeys(leave: keys)
      try SystemThread.detach {
        let end = keys.read()
        terminal.end()
        _exit(end == .left ? ExitCode.success.rawValue : 128 + SIGHUP)
      }
    }
    return try follower.read(follows: true, TerminalOutput(terminal, answersFrom: .max))
  }

  private func greet(_ terminal: LocalTerminal) {
    terminal.say("jobctl: looks on at job \(job.id.short); no key is the job's, and Ctrl-C leaves it")
    if let line = job.tty.flatMap({ Self.lack($0, LocalTerminal.size) }) { terminal.say(line) }
  }

  /// Nil: there is room for all of the job's terminal.
  static func lack(_ job: TerminalSize, _ own: TerminalSize) -> String? {
    guard own.rows < job.rows || own.columns < job.columns else { return nil }
    return
      "jobctl: the job's terminal began as \(job.columns)x\(job.rows), this one is \(own.columns)x\(own.rows)"
  }
}

/// What is typed while a job is looked on at: it is dropped, but for what a terminal makes of keys by itself where it is asked
/// to, and for those that leave the job.
struct OnlookerKeys: Sendable {
  private let leave: DetachKeys
  /// Keys that are signals to this process.
  private static let signals = [("ctrl-c", SIGINT), ("ctrl-z", SIGTSTP)]

  init(leave: DetachKeys) { self.leave = leave }

  /// Returns once no more keys are read.
  func read() -> TerminalKeys.End {
    var leave = leave
    var signals = Self.signals.map { (keys: DetachKeys($0)!, number: $1) }
    var keyboard = Keyboard()
    while let typed = keyboard.next() {
      if leave.take(typed).isLeft { return .left }
      for index in signals.indices where signals[index].keys.take(typed).isLeft {
        signals[index].keys = DetachKeys(Self.signals[index].0)!
        kill(getpid(), signals[index].number)
      }
    }
    return .hangup
  }
}

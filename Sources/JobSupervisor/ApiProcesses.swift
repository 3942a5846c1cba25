import CJobEngine
import FoundationEssentials
import Glibc
import JobEngine
import JobLoop
import JobModel
import Platform

/// Has an api process run: starts it again when it dies, replaces it when asked, and tells the ones that run
/// of every change. Supervisor's thread only.
final class ApiProcesses {
  private unowned let supervisor: Supervisor
  private let loop: EventLoop
  private let engine: JobEngine
  private let keeper: Keeper
  private let counts: SupervisorCounts
  private let log: Log
  /// Milliseconds.
  private let drainTime: UInt64
  let listeners: Listeners
  private var children: [ApiChild] = []
  private var started = 0
  /// The one that serves, and the one that is to take its place.
  private var current: ApiChild?
  private var successor: ApiChild?
  /// What the latter was told, which holds for all once it serves.
  private var fresh: Configuration?
  private var restartTimer: LoopTimer!
  private var pacing = RestartPacing()
  private(set) var hasServed = false
  /// Starts that may fail before the first one serves. Without an api process a daemon does not start, and a new binary is
  /// not taken; one that has to take over goes on, with the jobs it was left.
  private var failuresLeft: Int
  /// Who waits for the outcome of a reload.
  private var reloadAskers: [ControlSocket.Asker] = []
  /// What the fresh one is started for.
  private var reloadCauses: [ReloadCause] = []
  private var isStopping = false

  init(_ supervisor: Supervisor, _ listeners: Listeners) throws {
    (self.supervisor, loop, engine) = (supervisor, supervisor.loop, supervisor.engine)
    (keeper, counts, log) = (supervisor.keeper, supervisor.counts, supervisor.log)
    self.listeners = listeners
    failuresLeft =
      switch keeper.cause {
      case .start: 0
      case .upgrade: 3
      case .death, .return: .max
      }
    drainTime = UInt64(supervisor.configuration.drainTime)
    restartTimer = try LoopTimer(loop) { [unowned self] in self.start() }
  }

  var isEmpty: Bool { children.isEmpty }
  /// One is ready for clients.
  var isServing: Bool { current?.isGreeted == true }
  var pids: [pid_t] { children.map(\.pid) }

  /// Starts the first one.
  func start() {
    if !isStopping, current == nil { start(prepare(supervisor.configuration)) }
  }

  private func start(_ configuration: Configuration) {
    supervisor.take(configuration)
    do {
      current = try spawn(configuration)
    } catch {
      log.error("api_not_started", ["error": "\(error)"])
      counts.add(.apiStartFailures)
      guard mayFail() else { return supervisor.fail(DaemonError("\(error)")) }
      restartTimer.start(milliseconds: RestartPacing.longest)
    }
  }

  /// Starts a fresh one with what the configuration's file says of clients and runners now.
  func reload(_ cause: ReloadCause, for asker: ControlSocket.Asker? = nil) {
    guard !isStopping else {
      asker?.answer(.failed("the daemon is stopping or upgrading"))
      return
    }
    let configuration: Configuration
    do {
      configuration = try supervisor.reread()
    } catch {
      return reloadRefused("\(error)", cause, for: asker)
    }
    if let asker { reloadAskers.append(asker) }
    replace(configuration, cause)
  }

  /// Everything goes on as before.
  func reloadRefused(_ why: String, _ cause: ReloadCause, for asker: ControlSocket.Asker?) {
    log.error("reload_failed", ["error": why])
    supervisor.audit?.tell(AuditEntry(configuration: cause.rawValue, failure: why))
    asker?.answer(.failed(why))
  }

  /// Starts a fresh one with the certificates that are in their files now. The configuration stays, or that of a reload
  /// under way: its file may be half edited.
  func certificatesChanged() {
    if !isStopping { replace(successor.flatMap { _ in fresh } ?? supervisor.configuration, .files) }
  }

  /// Starts one that takes the place of the running one once it is ready.
  private func replace(_ configuration: Configuration, _ cause: ReloadCause) {
    let configuration = prepare(configuration)
    reloadCauses.append(cause)
    guard current != nil else {
      return start(configuration)
    }
    log.info("reloading")
    keeper.notify("RELOADING=1\nMONOTONIC_USEC=\(Clock.monotonic())")
    successor?.kill()
    successor = nil
    do {
      successor = try spawn(configuration)
      fresh = configuration
    } catch {
      counts.add(.apiStartFailures)
      reloadFailed(["error": "\(error)"])
    }
  }

  /// For a process that is about to read the files: what of them changes after this is noticed.
  private func prepare(_ configuration: Configuration) -> Configuration {
    var configuration = configuration
    supervisor.certificates.note(configuration)
    configuration.findRevocations()
    supervisor.holdRevocations(configuration)
    return configuration
  }

  private func spawn(_ configuration: Configuration) throws(SystemError) -> ApiChild {
    started += 1
    let child = try ApiChild(
      started, connections: configuration.maxConnections, loop: loop,
      passing: counts.descriptors + listeners.descriptors,
      listeners: listeners.descriptors.count,
      onRequest: { [unowned self] in self.received($1, from: $0) },
      onExit: { [unowned self] in self.exited($0, $1) })
    jc_engine_ignore_child(engine.handle, child.pid)
    children.append(child)
    log.info("api_started", ["pid": "\(child.pid)"])
    // A value of numbers, texts and truths always has a JSON form.
    let encoded = [UInt8](try! JSONEncoder().encode(configuration))
    child.send(.welcome(configuration: encoded, hostLimits: supervisor.hostLimits.enforced))
    return child
  }

  private func received(_ bytes: UnsafeRawBufferPointer, from child: ApiChild) {
    do {
      let request = try ApiRequest(decoding: bytes)
      child.lastSign = Clock.monotonic()
      switch request {
      case .alive: break
      case .failed(let why): child.failure = why
      case .hello: greet(child)
      case _ where !child.isGreeted: throw MalformedBytes()
      case .drained: drained(child)
      default: try supervisor.asked(request, by: child)
      }
    } catch {
      log.error("bad_order", ["pid": "\(child.pid)", "bytes": "\(bytes.count)"])
      child.kill()
    }
  }

  /// An api process has its keys and asks for the jobs that run.
  private func greet(_ child: ApiChild) {
    guard !child.isGreeted else { return }
    child.isGreeted = true
    supervisor.announceAll(to: child)
    child.send(.ready)
    if child === successor {
      current = child
      successor = nil
      if let fresh { supervisor.take(fresh) }
      // Also those that finish their replies since an earlier time: not for clients that are let in no more.
      for other in children where other !== child { retire(other) }
      log.info("reloaded", ["pid": "\(child.pid)"])
    }
    if successor == nil { tellAudit(nil) }
    let isFirst = !hasServed
    hasServed = true
    if isFirst {
      log.info("listening", ["address": listeners.address])
      supervisor.audit?.tell(AuditEntry(configuration: keeper.cause.text))
    }
    beReady(.done("process \(child.pid) serves"))
    if isFirst { supervisor.tellOutcome() }
  }

  /// What it has not finished within the drain's time it does not finish.
  private func retire(_ child: ApiChild) {
    let wasDraining = child.isDraining
    do {
      try child.retire(supervisor.configuration)
      if !wasDraining { child.kill(after: drainTime, loop) }
    } catch {
      log.error("old_clients_cut", ["error": "\(error)"])
      child.kill()
    }
  }

  private func beReady(_ reply: ControlReply) {
    keeper.ready("READY=1\nSTATUS=Listens at \(listeners.address)")
    for asker in reloadAskers { asker.answer(reply) }
    reloadAskers = []
  }

  /// The one that serves goes on.
  private func reloadFailed(_ why: Log.Fields) {
    log.error("reload_failed", why)
    let text = why.pairs.map { "\($0.name) \($0.value)" }.joined(separator: ", ")
    let failure = "the fresh api process did not start (\(text))"
    tellAudit(failure)
    beReady(.failed(failure))
  }

  /// What became of the reload; nil: it is in force.
  private func tellAudit(_ failure: String?) {
    for cause in reloadCauses {
      supervisor.audit?.tell(AuditEntry(configuration: cause.rawValue, failure: failure))
    }
    reloadCauses = []
  }

  private func exited(_ child: ApiChild, _ status: Int32) {
    children.removeAll { $0 === child }
    jc_engine_forget_child(engine.handle, child.pid)
    let how = ExitStatus.inWords(status)
    if child === successor {
      successor = nil
      reloadFailed(["pid": "\(child.pid)", "exit": how] + (child.failure.map { ["error": $0] } ?? [:]))
    } else if child === current {
      current = nil
      if !isStopping { restart(after: child, how) }
    }
    supervisor.apiEnded(child)
  }

  private func mayFail() -> Bool {
    failuresLeft -= 1
    return hasServed || failuresLeft >= 0
  }

  private func restart(after child: ApiChild, _ how: String) {
    guard mayFail() else {
      return supervisor.fail(
        DaemonError("the api process could not start: \(how); its own message is above"))
    }
    log.error("api_died", ["pid": "\(child.pid)", "exit": how])
    counts.add(.apiRestarts)
    let pause = pacing.pause(afterLife: Clock.monotonic() - child.startedAt)
    pause > 0 ? restartTimer.start(milliseconds: pause) : start()
  }

  /// Tells every api process that has said hello.
  func broadcast(_ event: SupervisorEvent) {
    let message = event.encode()
    for child in children where child.isGreeted { child.send(encoded: message) }
  }

  /// Answers a request, unless the process that made it is gone.
  func answer(_ caller: Caller, _ answer: JobBook.Answer) {
    switch answer {
    case .created(let id): self.answer(caller, .created(ticket: caller.ticket, id: id))
    case .launched(let id): self.answer(caller, .launched(ticket: caller.ticket, id: id))
    case .done: self.answer(caller, .done(ticket: caller.ticket))
    case .refused(let refusal): self.answer(caller, .refused(ticket: caller.ticket, refusal))
    }
  }

  func answer(_ caller: Caller, usage: [JobUsage]) {
    send(.usage(ticket: caller.ticket, usage), to: caller)
  }

  func answer(_ caller: Caller, ran record: JobRecord, _ output: HeldOutput) {
    answer(caller, .ran(ticket: caller.ticket, record, output))
  }

  /// With an audit trail, once that says so.
  private func answer(_ caller: Caller, _ event: SupervisorEvent) {
    if let audit = supervisor.audit { audit.answer(caller, event) } else { send(event, to: caller) }
  }

  func send(_ event: SupervisorEvent, to caller: Caller) { child(of: caller)?.send(event) }

  func hasChild(of caller: Caller) -> Bool { child(of: caller) != nil }

  private func child(of caller: Caller) -> ApiChild? { children.first { $0.number == caller.child } }

  /// No new connection; running replies are finished.
  func drain() {
    pause()
    listeners.close()
  }

  /// Running replies are finished, and no process is started; connections wait in the listeners.
  func pause() {
    isStopping = true
    restartTimer.stop()
    for child in children { child.drain() }
  }

  /// A process that was asked to drain has only replies left that follow a job.
  private func drained(_ child: ApiChild) {
    child.isDrained = true
    supervisor.apiProgressed()
  }

  /// No process gives a reply any more, but those that follow a job.
  var isDrained: Bool { children.allSatisfy(\.isDrained) }

  /// After ``drain()``: no job runs any more.
  func drainAgain() { for child in children { child.drain() } }

  /// Undoes ``pause()``.
  func resume() {
    isStopping = false
    if current?.isDraining == true { current = nil }
    start()
  }

  func kill() {
    for child in children { child.kill() }
  }

  /// Those that gave no sign of life for so many microseconds; `countingAnew`: from now on.
  func killSilent(for limit: Int64, countingAnew: Bool) {
    let now = Clock.monotonic()
    for child in children {
      if countingAnew { child.lastSign = now }
      guard now - child.lastSign > limit else { continue }
      log.error("api_silent", ["pid": "\(child.pid)", "seconds": "\((now - child.lastSign) / 1_000_000)"])
      child.kill()
    }
  }
}

/// What had the daemon load its certificates and its configuration anew.
enum ReloadCause: String {
  case signal = "SIGHUP"
  case request = "jobd reload"
  case files = "changed certificates"
}

/// How a process ended, for the log.
enum ExitStatus {
  static func inWords(_ status: Int32) -> String {
    let signal = status & 0x7f
    return signal == 0 ? "code \(status >> 8 & 0xff)" : "signal \(signal)"
  }
}

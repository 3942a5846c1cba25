import CJobEngine
import FoundationEssentials
import Glibc
import JobEngine
import JobLoop
import JobModel
import Platform

/// Keeps an api process running: starts it again when it dies, replaces it when asked, and tells the ones that run
/// of every change. Supervisor's thread only.
final class ApiKeeper {
  private unowned let supervisor: Supervisor
  private let loop: EventLoop
  private let engine: JobEngine
  private let manager: ServiceManager
  private let counts: SupervisorCounts
  private let log: Log
  /// Milliseconds.
  private let drainTime: UInt64
  let listeners: Listeners
  private let configuration: [UInt8]
  private var children: [ApiChild] = []
  private var started = 0
  /// The one that serves, and the one that is to take its place.
  private var current: ApiChild?
  private var successor: ApiChild?
  private var restartTimer: LoopTimer!
  private var pacing = RestartPacing()
  private var hasServed = false
  /// Without an api process a daemon does not start; one that took over goes on, with the jobs it was left.
  private let mayGiveUp: Bool
  private var isStopping = false

  init(_ supervisor: Supervisor, _ listeners: Listeners, mayGiveUp: Bool) throws {
    (self.supervisor, loop, engine) = (supervisor, supervisor.loop, supervisor.engine)
    (manager, counts, log) = (supervisor.manager, supervisor.counts, supervisor.log)
    (self.listeners, self.mayGiveUp) = (listeners, mayGiveUp)
    drainTime = UInt64(supervisor.configuration.drainTime)
    configuration = [UInt8](try JSONEncoder().encode(supervisor.configuration))
    restartTimer = try LoopTimer(loop) { [unowned self] in self.start() }
  }

  var isEmpty: Bool { children.isEmpty }

  /// Starts the first one.
  func start() {
    guard !isStopping, current == nil else { return }
    do {
      current = try spawn()
    } catch {
      log.error("api_not_started", ["error": "\(error)"])
      counts.add(.apiStartFailures)
      guard hasServed || !mayGiveUp else { return supervisor.fail(DaemonError("\(error)")) }
      restartTimer.start(milliseconds: RestartPacing.longest)
    }
  }

  /// Starts a fresh one, which takes the place of the running one once it is ready (SIGHUP).
  func replace() {
    guard !isStopping else { return }
    guard current != nil else { return start() }
    log.info("reloading")
    manager.notify(.reloading)
    successor?.kill()
    do {
      successor = try spawn()
    } catch {
      counts.add(.apiStartFailures)
      log.error("reload_failed", ["error": "\(error)"])
      notifyReady()
    }
  }

  private func spawn() throws(SystemError) -> ApiChild {
    started += 1
    let child = try ApiChild(
      started, loop: loop, passing: counts.descriptors + listeners.descriptors,
      listeners: listeners.descriptors.count,
      onRequest: { [unowned self] in self.received($1, from: $0) },
      onExit: { [unowned self] in self.exited($0, $1) })
    jc_engine_ignore_child(engine.handle, child.pid)
    children.append(child)
    log.info("api_started", ["pid": "\(child.pid)"])
    child.send(.welcome(configuration: configuration))
    return child
  }

  private func received(_ bytes: UnsafeRawBufferPointer, from child: ApiChild) {
    do {
      let request = try ApiRequest(decoding: bytes)
      switch request {
      case .hello: greet(child)
      case _ where !child.isGreeted: throw MalformedBytes()
      case .drained: drained(child)
      default: supervisor.asked(request, by: child)
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
      current?.drain()
      current = child
      successor = nil
      log.info("reloaded", ["pid": "\(child.pid)"])
      notifyReady()
    }
    guard !hasServed else { return }
    hasServed = true
    log.info("listening", ["address": listeners.address])
    notifyReady()
  }

  private func notifyReady() { manager.notify(.ready(address: listeners.address)) }

  private func exited(_ child: ApiChild, _ status: Int32) {
    children.removeAll { $0 === child }
    jc_engine_forget_child(engine.handle, child.pid)
    let how = ExitStatus.inWords(status)
    if child === successor {
      successor = nil
      log.error("reload_failed", ["pid": "\(child.pid)", "exit": how])
      notifyReady()
    } else if child === current {
      current = nil
      if !isStopping { restart(after: child, how) }
    }
    supervisor.apiEnded(child)
  }

  private func restart(after child: ApiChild, _ how: String) {
    guard hasServed || !mayGiveUp else {
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
    guard let child = children.first(where: { $0.number == caller.child }) else { return }
    switch answer {
    case .created(let id): child.send(.created(ticket: caller.ticket, id: id))
    case .done: child.send(.done(ticket: caller.ticket))
    case .refused(let refusal): child.send(.refused(ticket: caller.ticket, refusal))
    }
  }

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

  /// A process that was asked to drain has only replies left that follow a job. They may take as long as the job: the
  /// process that another has replaced is not kept for them, and they go on with that one.
  private func drained(_ child: ApiChild) {
    if !child.isDrained, child !== current { child.kill(after: drainTime, loop) }
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
}

/// How a process ended, for the log.
enum ExitStatus {
  static func inWords(_ status: Int32) -> String {
    let signal = status & 0x7f
    return signal == 0 ? "code \(status >> 8 & 0xff)" : "signal \(signal)"
  }
}

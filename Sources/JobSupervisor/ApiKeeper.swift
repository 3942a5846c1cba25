import CJobEngine
import FoundationEssentials
import Glibc
import JobLoop
import JobModel
import Platform

/// Keeps an api process running: starts it again when it dies, replaces it when asked, and tells the ones that run
/// of every change. Supervisor's thread only.
final class ApiKeeper {
  private unowned let supervisor: Supervisor
  let listeners: Listeners
  private let configuration: [UInt8]
  private var children: [ApiChild] = []
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
    self.supervisor = supervisor
    self.mayGiveUp = mayGiveUp
    self.listeners = listeners
    configuration = [UInt8](try JSONEncoder().encode(supervisor.configuration))
    restartTimer = try LoopTimer(supervisor.loop) { [unowned self] in self.start() }
  }

  var isEmpty: Bool { children.isEmpty }

  /// Starts the first one.
  func start() {
    guard !isStopping, current == nil else { return }
    do {
      current = try spawn()
    } catch {
      supervisor.log.error("api_not_started", ["error": "\(error)"])
      supervisor.counts.add(.apiStartFailures)
      guard hasServed || !mayGiveUp else { return supervisor.fail(DaemonError("\(error)")) }
      restartTimer.start(milliseconds: RestartPacing.longest)
    }
  }

  /// Starts a fresh one, which takes the place of the running one once it is ready (SIGHUP).
  func replace() {
    guard !isStopping else { return }
    guard current != nil else { return start() }
    supervisor.log.info("reloading")
    supervisor.manager.tell(.reloading)
    successor?.kill()
    do {
      successor = try spawn()
    } catch {
      supervisor.counts.add(.apiStartFailures)
      supervisor.log.error("reload_failed", ["error": "\(error)"])
      tellReady()
    }
  }

  private func spawn() throws(SystemError) -> ApiChild {
    let child = try ApiChild(
      loop: supervisor.loop,
      passing: supervisor.counts.descriptors + listeners.descriptors,
      listeners: listeners.descriptors.count,
      onOrder: { [unowned self] in self.received($1, from: $0) },
      onExit: { [unowned self] in self.exited($0, $1) })
    jc_engine_ignore_child(supervisor.engine.handle, child.pid)
    children.append(child)
    supervisor.log.info("api_started", ["pid": "\(child.pid)"])
    child.send(.welcome(configuration: configuration))
    return child
  }

  private func received(_ bytes: UnsafeRawBufferPointer, from child: ApiChild) {
    do {
      let order = try Order(decoding: bytes)
      if case .hello = order {} else if !child.isGreeted { throw MalformedBytes() }
      supervisor.handle(order, from: child)
    } catch {
      supervisor.log.error("bad_order", ["pid": "\(child.pid)", "bytes": "\(bytes.count)"])
      child.kill()
    }
  }

  /// An api process has its keys and asks for the jobs that run.
  func greet(_ child: ApiChild) {
    guard !child.isGreeted else { return }
    child.isGreeted = true
    supervisor.tellState(to: child)
    child.send(.ready)
    if child === successor {
      current?.drain()
      current = child
      successor = nil
      supervisor.log.info("reloaded", ["pid": "\(child.pid)"])
      tellReady()
    }
    guard !hasServed else { return }
    hasServed = true
    supervisor.log.info("listening", ["address": listeners.address])
    tellReady()
  }

  private func tellReady() { supervisor.manager.tell(.ready(address: listeners.address)) }

  private func exited(_ child: ApiChild, _ status: Int32) {
    children.removeAll { $0 === child }
    jc_engine_forget_child(supervisor.engine.handle, child.pid)
    supervisor.progress.forget(child, in: supervisor.jobs)
    let how = ExitStatus.inWords(status)
    if child === successor {
      successor = nil
      supervisor.log.error("reload_failed", ["pid": "\(child.pid)", "exit": how])
      tellReady()
    } else if child === current {
      current = nil
      if !isStopping { restart(after: child, how) }
    }
    supervisor.shutdown?.handle(.progress)
    supervisor.upgrade?.apiEnded()
  }

  private func restart(after child: ApiChild, _ how: String) {
    guard hasServed || !mayGiveUp else {
      return supervisor.fail(
        DaemonError("the api process could not start: \(how); its own message is above"))
    }
    supervisor.log.error("api_died", ["pid": "\(child.pid)", "exit": how])
    supervisor.counts.add(.apiRestarts)
    let pause = pacing.pause(afterLife: Clock.monotonic() - child.startedAt)
    pause > 0 ? restartTimer.start(milliseconds: pause) : start()
  }

  /// Tells every api process that has said hello.
  func broadcast(_ notice: Notice) {
    let message = notice.encode()
    for child in children where child.isGreeted { child.send(encoded: message) }
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
  func drained(_ child: ApiChild) {
    guard !child.isDrained else { return }
    child.isDrained = true
    guard child !== current else { return }
    child.kill(after: UInt64(supervisor.configuration.drainTime), supervisor.loop)
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

extension Supervisor {
  /// All an api process must know of the running jobs.
  func tellState(to child: ApiChild) {
    for client in Set(jobs.values.map(\.record.client)) {
      if let name = clients[client] { child.send(.client(id: client, name: name)) }
    }
    for job in jobs.values where job.lifecycle.isAnnounced {
      let record = job.lifecycle.isActive ? job.record : job.record.unfinished
      child.send(.job(record, pid: job.pid))
    }
  }
}

/// How a process ended, for the log.
enum ExitStatus {
  static func inWords(_ status: Int32) -> String {
    let signal = status & 0x7f
    return signal == 0 ? "code \(status >> 8 & 0xff)" : "signal \(signal)"
  }
}

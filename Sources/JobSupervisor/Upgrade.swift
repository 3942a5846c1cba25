import CJobEngine
import CKeeper
import CPlatform
import Glibc
import JobAPI
import JobEngine
import JobLoop
import JobModel
import Platform

/// Leaves all to a supervisor of the binary that is in the program's file now: that one is tried first, then the api
/// process finishes its replies, what is on its way to the disk gets there, the keeper holds every job, and this
/// process ends. New connections wait in the listeners meanwhile. Whatever fails before that leaves everything as it
/// was; a successor that does not become ready is replaced by this binary again. Supervisor's thread only.
final class Upgrade {
  private unowned let supervisor: Supervisor
  private let asker: ControlSocket.Asker?
  private enum Phase { case trying, draining, settling }
  private var phase = Phase.trying
  private var trial: Trial?
  private var timer: LoopTimer!

  /// Milliseconds for the replies that are being given: longer ones are cut off, and can be resumed.
  private static let drainTime: UInt64 = 500
  /// Milliseconds between two looks at what is left to do, and how many there are.
  private static let pause: UInt64 = 2
  private var looksLeft = 2000

  init(_ supervisor: Supervisor, _ asker: ControlSocket.Asker?) throws(SystemError) {
    (self.supervisor, self.asker) = (supervisor, asker)
    timer = try LoopTimer(supervisor.loop) { [unowned self] in self.timerFired() }
  }

  func begin() throws {
    try supervisor.checkNextAddress()
    supervisor.log.info("upgrading", ["jobs": "\(supervisor.live.count)"])
    trial = try Trial(supervisor) { [unowned self] in self.tried($0) }
  }

  private func tried(_ failure: String?) {
    trial = nil
    if let failure { return supervisor.upgradeEnded(failure) }
    phase = .draining
    timer.start(milliseconds: Self.drainTime)
    supervisor.handle(.launchesPaused)
    supervisor.apis.pause()
    apiProgressed()
  }

  private func timerFired() {
    switch phase {
    case .trying: break
    case .draining: supervisor.apis.kill()
    case .settling: settle()
    }
  }

  /// When only replies that follow a job are left these are cut off, as they would be in any case, and are resumed.
  func apiProgressed() {
    guard phase == .draining else { return }
    guard supervisor.apis.isEmpty else {
      if supervisor.apis.isDrained { supervisor.apis.kill() }
      return
    }
    phase = .settling
    settle()
  }

  /// Nothing may be on its way: no launch, no change of the store.
  private func settle() {
    do {
      guard let obstacle = try supervisor.obstacleToLeaving() else {
        return try supervisor.leaveToSuccessor(asker)
      }
      looksLeft -= 1
      guard looksLeft > 0 else { return supervisor.upgradeEnded(obstacle) }
      timer.start(milliseconds: Self.pause)
    } catch {
      supervisor.upgradeEnded("\(error)")
    }
  }

  func fail(_ failure: String) { asker?.answer(.failed(failure)) }
}

/// The new binary reads what it will find, and exits: a binary that cannot is never taken.
private final class Trial {
  private let engine: JobEngine
  private let pid: pid_t
  private let descriptor: Int32
  private var readable: LoopWatcher?
  private var timer: LoopTimer?
  private let then: (String?) -> Void

  /// Milliseconds.
  private static let most: UInt64 = 10_000

  init(_ supervisor: Supervisor, _ then: @escaping (String?) -> Void) throws {
    (engine, self.then) = (supervisor.engine, then)
    var entry: Int32 = -1
    for job in supervisor.live.values where entry < 0 { entry = try job.running?.makeEntry() ?? -1 }
    defer { if entry >= 0 { close(entry) } }
    pid = try ChildProcess.spawn(
      supervisor.binary, ["jobd", "check-upgrade"] + supervisor.arguments, passing: entry < 0 ? [] : [entry])
    descriptor = jp_pidfd_open(pid)
    do {
      guard descriptor >= 0 else { throw SystemError(descriptor, "watch the new binary") }
      readable = try LoopWatcher(supervisor.loop, descriptor: descriptor) { [unowned self] in self.ended() }
      timer = try LoopTimer(supervisor.loop) { [pid] in _ = kill(-pid, SIGKILL) }
    } catch {
      ChildProcess.end(pid)
      throw error
    }
    jc_engine_ignore_child(engine.handle, pid)
    timer?.start(milliseconds: Self.most)
  }

  deinit {
    readable = nil
    close(descriptor)
  }

  private func ended() {
    // What it has started ends with it.
    kill(-pid, SIGKILL)
    let status = ChildProcess.wait(for: pid)
    jc_engine_forget_child(engine.handle, pid)
    readable = nil
    timer = nil
    then(
      status == 0
        ? nil : "the new binary does not start: \(ExitStatus.inWords(status)); its own message is in the log")
  }
}

/// What the trial of a new binary looks at, besides its configuration and keys.
package enum UpgradeCheck {
  /// `entry`: a descriptor of a running job's entry, if there is one. `keeper`: the keeper's program.
  package static func run(entry: Int32, keeper: String) throws {
    if fcntl(entry, F_GETFD) >= 0 {
      var state = jc_job_state()
      try SystemError.check(jc_entry_read(entry, &state), "read what the running daemon notes of its jobs")
    }
    try check(keeper)
  }

  /// Milliseconds.
  private static let most: Int32 = 5000

  /// Whether the keeper's program sets itself up, and is one.
  private static func check(_ keeper: String) throws {
    var ends: [Int32] = [-1, -1]
    let type = Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    guard socketpair(AF_UNIX, type, 0, &ends) == 0 else { throw SystemError(errno, "make a socket pair") }
    defer { close(ends[0]) }
    let spawned = Result { try ChildProcess.spawn(keeper, ["jobd-keeper", "--check"], passing: [ends[1]]) }
    close(ends[1])
    let pid = try spawned.get()
    defer { ChildProcess.end(pid) }
    var polled = pollfd(fd: ends[0], events: Int16(POLLIN), revents: 0)
    var record = jk_record()
    var descriptor: Int32 = -1
    guard poll(&polled, 1, most) == 1, jk_receive(ends[0], &record, &descriptor) == 0,
      String(cString: jk_record_name(&record)) == "jobd-keeper"
    else { throw DaemonError("\(keeper) does not start, or is no keeper") }
  }
}

extension Supervisor {
  func upgradeAsked(by asker: ControlSocket.Asker? = nil) {
    guard upgrade == nil, shutdown == nil, apis.hasServed else {
      let why = shutdown != nil ? "the daemon is stopping" : "an upgrade, or a start, is under way"
      asker?.answer(.failed(why))
      return
    }
    do {
      let upgrade = try Upgrade(self, asker)
      self.upgrade = upgrade
      try upgrade.begin()
    } catch {
      upgradeEnded("\(error)")
    }
  }

  /// A successor that cannot listen where the configuration says now would end the daemon.
  fileprivate func checkNextAddress() throws(DaemonError) {
    // What the trial says of a configuration is better: it may be one for the new binary.
    guard !apis.listeners.isBrought,
      let next = try? configurationNow(),
      (next.listenHost, next.listenPort) != (configuration.listenHost, configuration.listenPort)
    else { return }
    // The port of this daemon is shared with the successor, another one has to be free.
    try Self.checkListening(next, isServing: next.listenPort == configuration.listenPort)
  }

  /// It came to nothing: this process goes on.
  func upgradeEnded(_ failure: String) {
    log.error("upgrade_failed", ["reason": failure])
    upgrade?.fail(failure)
    upgrade = nil
    guard shutdown == nil else { return }
    keeper.release(ControlSocket.askerName)
    handle(.launchesResumed)
    apis.resume()
  }

  /// Has the keeper hold every job that runs, young ones too, with the order of its output on file. What is in the way
  /// now; nil: nothing.
  func obstacleToLeaving() throws(SystemError) -> String? {
    guard book.isSettled else { return "launches do not come to an end, or changes do not get onto the disk" }
    for job in live.values {
      guard job.index.publish() else {
        return "the order of the output of job \(job.id) does not get onto the disk"
      }
      if job.isHeld, job.running?.isAdoptable == true { continue }
      guard try heldJobs.hold(job) else { return "job \(job.id) does not come to its end" }
    }
    return nil
  }

  /// Ends this process; returns only by throwing, before anything was given up.
  func leaveToSuccessor(_ asker: ControlSocket.Asker?) throws {
    if let asker { try keeper.hold(asker.descriptor, as: ControlSocket.askerName) }
    try keeper.check()
    // Past this it is as if this process had been killed: what fails is the successor's.
    keeper.alive(within: Self.longTime)
    store.close()
    audit?.close()
    keeper.leave(.successor)
    exit(0)
  }
}

import CJobEngine
import CPlatform
import Glibc
import JobEngine
import JobLoop
import JobModel
import Platform

/// Replaces the supervisor's own binary in place (SIGUSR2): the new one is tried first, then the api process
/// finishes its replies, what is on its way to the disk gets there, and exec hands over the jobs. New connections wait
/// in the listeners meanwhile. Whatever fails before exec leaves everything as it was. Supervisor's thread only.
final class Upgrade {
  private unowned let supervisor: Supervisor
  private enum Phase { case trying, draining, settling }
  private var phase = Phase.trying
  private var trial: Trial?
  private var timer: LoopTimer!

  /// Milliseconds for the replies that are being given: longer ones are cut off, and can be resumed.
  private static let drainTime: UInt64 = 500
  /// Milliseconds between two looks at what is left to do, and how many there are.
  private static let pause: UInt64 = 5
  private var looksLeft = 1000

  init(_ supervisor: Supervisor) throws(SystemError) {
    self.supervisor = supervisor
    timer = try LoopTimer(supervisor.loop) { [unowned self] in self.timerFired() }
  }

  func begin() throws {
    supervisor.log.info("upgrading", ["jobs": "\(supervisor.live.count)"])
    let state = try supervisor.handover(jobs: []).memoryFile()
    defer { close(state) }
    trial = try Trial(supervisor, state) { [unowned self] in self.tried($0) }
  }

  private func tried(_ failure: String?) {
    trial = nil
    if let failure { return supervisor.upgradeEnded(failure) }
    phase = .draining
    timer.start(milliseconds: Self.drainTime)
    supervisor.keeper.pause()
    apiProgressed()
  }

  private func timerFired() {
    switch phase {
    case .trying: break
    case .draining: supervisor.keeper.kill()
    case .settling: settle()
    }
  }

  /// When only replies that follow a job are left these are cut off, as they would be in any case, and are resumed.
  func apiProgressed() {
    guard phase == .draining else { return }
    guard supervisor.keeper.isEmpty else {
      if supervisor.keeper.isDrained { supervisor.keeper.kill() }
      return
    }
    phase = .settling
    settle()
  }

  /// Nothing may be on its way: no launch, no change of the store.
  private func settle() {
    guard supervisor.isSettled, let jobs = supervisor.exportJobs() else {
      looksLeft -= 1
      guard looksLeft > 0 else {
        return supervisor.upgradeEnded("changes, or the order of output, do not get onto the disk")
      }
      return timer.start(milliseconds: Self.pause)
    }
    do {
      try supervisor.replaceBinary(jobs)
    } catch {
      supervisor.upgradeEnded("\(error)")
    }
  }
}

/// The new binary reads a handover and exits: a binary that cannot is never taken.
private final class Trial {
  private unowned let supervisor: Supervisor
  private let pid: pid_t
  private let descriptor: Int32
  private var readable: LoopWatcher?
  private var timer: LoopTimer?
  private let then: (String?) -> Void

  /// Milliseconds.
  private static let most: UInt64 = 10_000

  init(_ supervisor: Supervisor, _ state: Int32, _ then: @escaping (String?) -> Void) throws {
    self.supervisor = supervisor
    self.then = then
    pid = try ChildProcess.spawn(
      supervisor.binary, ["jobd", "check-handover"] + supervisor.arguments, passing: [state])
    descriptor = jp_pidfd_open(pid)
    do {
      guard descriptor >= 0 else { throw SystemError(descriptor, "watch the new binary") }
      readable = try LoopWatcher(supervisor.loop, descriptor: descriptor) { [unowned self] in self.ended() }
      timer = try LoopTimer(supervisor.loop) { [pid] in _ = kill(pid, SIGKILL) }
    } catch {
      ChildProcess.end(pid)
      throw error
    }
    jc_engine_ignore_child(supervisor.engine.handle, pid)
    timer?.start(milliseconds: Self.most)
  }

  deinit {
    readable = nil
    close(descriptor)
  }

  private func ended() {
    let status = ChildProcess.wait(for: pid)
    jc_engine_forget_child(supervisor.engine.handle, pid)
    readable = nil
    timer = nil
    then(status == 0 ? nil : "the new binary does not start: \(ExitStatus.inWords(status))")
  }
}

extension Supervisor {
  func upgradeAsked() {
    guard upgrade == nil, shutdown == nil else { return }
    do {
      let upgrade = try Upgrade(self)
      self.upgrade = upgrade
      try upgrade.begin()
    } catch {
      upgradeEnded("\(error)")
    }
  }

  /// It came to nothing: this binary goes on.
  func upgradeEnded(_ failure: String) {
    log.error("upgrade_failed", ["error": failure])
    upgrade = nil
    if self.failure == nil { keeper.resume() }
  }

  /// No job is being launched, deleted or saved, and nothing waits for the store or the service manager.
  var isSettled: Bool { book.isSettled && manager.isIdle }

  /// All jobs with their descriptors open across exec; nil when one of them has just ended, or the order of its output is
  /// only in memory.
  func exportJobs() -> [Handover.Job]? {
    guard live.values.allSatisfy({ $0.index.publish() }) else { return nil }
    var exported: [Handover.Job] = []
    for job in live.values {
      guard let state = job.running?.export(), let entry = book.jobs[job.id] else {
        for job in live.values { job.running?.keep() }
        return nil
      }
      exported.append(
        Handover.Job(
          record: entry.record, pid: entry.pid, grace: entry.grace, takesInput: job.takesInput,
          isStartStored: entry.isStartStored, isHeld: job.isHeld,
          isInputHeld: job.isInputHeld, state: state))
    }
    return exported
  }

  func handover(jobs: [Handover.Job]) -> Handover {
    Handover(
      jobDescriptors: jobDescriptors, cgroup: cgroup?.path, notifySocket: manager.address,
      address: keeper.listeners.address, listeners: keeper.listeners.descriptors,
      lock: directory.lock.descriptor, counts: counts.handed, jobs: jobs)
  }

  /// Returns only by throwing: then the jobs and the store are this supervisor's as before.
  func replaceBinary(_ exported: [Handover.Job]) throws {
    store.close()
    do {
      let state = try handover(jobs: exported).memoryFile()
      defer { close(state) }
      keepAcrossExec(true)
      _ = fcntl(state, F_SETFD, 0)
      let arguments = [CommandLine.arguments[0], "resume", "\(state)"] + self.arguments
      // Until the successor listens to them: one that came in between would end it, and the jobs with it.
      Signals.block()
      throw SystemError(ChildProcess.exec(binary, arguments), "start \(binary)")
    } catch {
      Signals.unblock()
      keepAcrossExec(false)
      for job in live.values { job.running?.keep() }
      openStoreAgain()
      throw error
    }
  }

  private func openStoreAgain() {
    do {
      try openStore()
    } catch {
      giveUp(DaemonError("the store cannot be opened again: \(error)"))
    }
  }

  private func keepAcrossExec(_ keeps: Bool) {
    keeper.listeners.keepAcrossExec(keeps)
    directory.lock.keepAcrossExec(keeps)
    counts.keepAcrossExec(keeps)
  }

  /// Goes on with the jobs of the supervisor whose place this one took.
  func adopt(_ handed: Handover) {
    for job in handed.jobs {
      do {
        try adopt(job)
      } catch {
        log.error("job_not_handed_over", ["id": "\(job.record.id)", "error": "\(error)"])
        var state = job.state
        jc_job_state_kill(engine.handle, &state)
      }
    }
    log.info("upgraded", ["jobs": "\(live.count)"])
  }

  private func adopt(_ handed: Handover.Job) throws {
    let id = handed.record.id
    let job = LiveJob(id, takesInput: handed.takesInput, handed.state, in: directory.output, delegate: self)
    job.running = try RunningJob(
      engine, handed.state, outputName: handed.record.outputName, marker: "\(JobEnvironment.marker)=\(id)",
      delegate: job)
    job.goOn(handed.state, in: directory.output, now: Clock.microseconds())
    if handed.isHeld { job.held(input: handed.isInputHeld) }
    live[id] = job
    handle(
      .adopted(handed.record, pid: handed.pid, grace: handed.grace, isStartStored: handed.isStartStored))
    descriptorStore.add(job)
  }
}

extension Handover {
  /// A descriptor of memory that holds it.
  func memoryFile() throws(SystemError) -> Int32 {
    let bytes = encode()
    let file = bytes.withUnsafeBytes { jp_memory_file("jobd handover", $0.baseAddress, $0.count) }
    guard file >= 0 else { throw SystemError(file, "hold the handover") }
    return file
  }

  /// Reads one from a descriptor, which is closed.
  package static func read(_ descriptor: Int32) throws(DaemonError) -> Handover {
    let bytes = SmallFile.read(descriptor, most: 1 << 30)
    close(descriptor)
    do {
      return try bytes.withUnsafeBytes { bytes throws(MalformedBytes) in try Handover(decoding: bytes) }
    } catch {
      throw DaemonError(
        "the running daemon hands over in a form that this version does not read: stop and start it instead")
    }
  }
}

import CJobEngine
import Glibc
import JobAPI
import JobEngine
import JobModel
import JobStore
import Platform

/// What the supervisor before left with the keeper: jobs that run, and what belongs to the daemon. Owns the descriptors that nobody has taken yet.
struct Inheritance {
  private(set) var states: [JobID: jc_job_state] = [:]
  private(set) var listeners: [Keeper.Held] = []
  private(set) var counts: [String: Int32] = [:]
  private(set) var control: Int32?
  /// The standard revocation list was in use: a supervisor that finds none does not go on without.
  private(set) var usedRevocations = false
  static let revocationsName = "revocations"
  /// Who waits for the outcome of an upgrade.
  private(set) var asker: Int32?
  /// Names of what is of no use, and why.
  private(set) var unused: [(name: String, why: String)] = []

  init(_ keeper: Keeper) throws(SystemError) {
    var inputs: [JobID: Int32] = [:]
    for held in try keeper.takeAll() {
      if let id = JobID(held.name) {
        take(held, of: id)
      } else if held.name.hasSuffix(HeldJobs.inputSuffix),
        let id = JobID(String(held.name.dropLast(HeldJobs.inputSuffix.count)))
      {
        inputs[id] = held.descriptor
      } else {
        take(held)
      }
    }
    for (id, input) in inputs {
      if states[id]?.stdin_closed == false {
        states[id]!.stdin_write = input
      } else {
        refuse(HeldJobs.inputName(of: id), input, "no such job is held, or its input has ended")
      }
    }
  }

  /// Numbers of the cgroups of the jobs.
  var cgroups: [Int64] { states.values.map(\.cgroup).filter { $0 >= 0 } }

  mutating func noteRevocations() { usedRevocations = true }

  mutating func takeAsker() -> ControlSocket.Asker? {
    defer { asker = nil }
    return asker.map { ControlSocket.Asker($0) }
  }

  mutating func remove(_ id: JobID) -> jc_job_state? { states.removeValue(forKey: id) }

  private mutating func take(_ held: Keeper.Held, of id: JobID) {
    var state = jc_job_state()
    guard jc_entry_read(held.descriptor, &state) == 0 else {
      return refuse(held.name, held.descriptor, "it is no entry of a job")
    }
    close(held.descriptor)
    states[id] = state
  }

  private mutating func take(_ held: Keeper.Held) {
    switch held.name {
    case SupervisorCounts.heldName, SupervisorCounts.heldApiName: counts[held.name] = held.descriptor
    case Self.revocationsName:
      close(held.descriptor)
      usedRevocations = true
    case ControlSocket.name: control = held.descriptor
    case ControlSocket.askerName: asker = held.descriptor
    case _ where Listeners.isName(held.name): listeners.append(held)
    default: refuse(held.name, held.descriptor, "its name is not known")
    }
  }

  private mutating func refuse(_ name: String, _ descriptor: Int32, _ why: String) {
    close(descriptor)
    unused.append((name, why))
  }
}

extension Supervisor {
  /// Goes on with the jobs of the supervisor before.
  func adopt() throws {
    for (name, why) in inheritance.unused {
      log.warn("descriptor_not_used", ["name": name, "reason": why])
      keeper.release(name)
    }
    adoptRunning(try store.runningJobs())
    // Nothing is launched before this supervisor serves: until then, an earlier binary may have to go on.
    handle(.launchesPaused)
    handle(.waiting(try store.queues()))
    for (id, state) in inheritance.states { letGo(id, state, "no such job runs") }
    tellCause()
  }

  private func tellCause() {
    let (pid, end) = keeper.predecessor
    switch keeper.cause {
    case .start, .upgrade: break
    case .death:
      counts.add(.supervisorRestarts)
      log.error("supervisor_died", ["pid": "\(pid)", "reason": end, "adopted": "\(live.count)"])
    case .return: log.error("upgrade_failed", ["reason": end, "adopted": "\(live.count)"])
    }
  }

  private func adoptRunning(_ running: [(record: JobRecord, plan: JobPlan?)]) {
    for job in running {
      guard let state = inheritance.remove(job.record.id) else { continue }
      do {
        guard let plan = job.plan else { throw DaemonError("its plan cannot be read") }
        try adopt(job.record, plan, state)
      } catch {
        letGo(job.record.id, state, "\(error)")
      }
    }
  }

  private func letGo(_ id: JobID, _ state: jc_job_state, _ why: String) {
    var state = state
    log.error("job_not_adopted", ["id": "\(id)", "error": why])
    if state.stdin_write >= 0 { keeper.release(HeldJobs.inputName(of: id)) }
    jc_job_state_kill(engine.handle, &state)
    keeper.release(HeldJobs.name(of: id))
  }

  private func adopt(_ stored: JobRecord, _ plan: JobPlan, _ held: jc_job_state) throws {
    var (record, state) = (stored, held)
    let (id, takesInput) = (record.id, plan.takesInput)
    if takesInput, !state.stdin_closed, state.stdin_write < 0 {
      throw DaemonError("its open standard input was not kept")
    }
    let job = LiveJob(
      id, of: record.client, plan, state, in: directory.output, delegate: self)
    let isInputHeld = state.stdin_write >= 0
    job.running = try RunningJob(
      engine, adopting: &state, outputName: record.outputName, marker: "\(JobEnvironment.marker)=\(id)",
      delegate: job)
    job.goOn(state, in: directory.output, now: Clock.microseconds())
    job.held(input: isInputHeld)
    live[id] = job
    let isStartStored = record.started != 0
    record.started = state.started_us
    record.flags.insert(.adopted)
    // Who asked for that is not known any more.
    if state.term_sent, !state.timed_out, !state.limit_killed { record.endedBy = .stop }
    handle(.adopted(record, plan, pid: state.pid, isStartStored: isStartStored))
    heldJobs.inputMoved(of: job)
  }
}

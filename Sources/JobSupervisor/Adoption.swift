import CJobEngine
import Glibc
import JobAPI
import JobEngine
import JobModel
import JobStore
import Platform

/// What a supervisor that was killed left with the service manager, as far as its jobs are in the store as running.
struct Inheritance {
  var jobs: [Job] = []
  /// Names of what is of no use, and why.
  var unused: [(name: String, why: String)] = []

  struct Job {
    var record: JobRecord
    var plan: JobPlan
    var state: jc_job_state
  }

  /// Numbers of the cgroups of its jobs.
  var cgroups: [Int64] { jobs.map(\.state.cgroup).filter { $0 >= 0 } }

  init() {}

  /// Takes over the descriptors.
  init(_ descriptors: [(name: String, descriptor: Int32)], _ store: Store) throws(StoreError) {
    guard !descriptors.isEmpty else { return }
    var running: [JobID: (record: JobRecord, plan: JobPlan?)] = [:]
    for job in try store.runningJobs() { running[job.record.id] = job }
    var inputs: [JobID: Int32] = [:]
    for (name, descriptor) in descriptors where name.hasSuffix(DescriptorStore.inputSuffix) {
      guard let id = JobID(String(name.dropLast(DescriptorStore.inputSuffix.count))), inputs[id] == nil else {
        refuse(name, descriptor, "it is no job's input")
        continue
      }
      inputs[id] = descriptor
    }
    for (name, descriptor) in descriptors where !name.hasSuffix(DescriptorStore.inputSuffix) {
      guard let id = JobID(name), let job = running.removeValue(forKey: id) else {
        refuse(name, descriptor, "no such job runs")
        continue
      }
      take(job, name, descriptor, input: inputs.removeValue(forKey: id))
    }
    for (id, descriptor) in inputs {
      refuse(DescriptorStore.inputName(of: id), descriptor, "no such job is held")
    }
  }

  private mutating func refuse(_ name: String, _ descriptor: Int32, _ why: String) {
    close(descriptor)
    unused.append((name, why))
  }

  private mutating func take(
    _ job: (record: JobRecord, plan: JobPlan?), _ name: String, _ descriptor: Int32, input: Int32?
  ) {
    var state = jc_job_state()
    let status = jc_entry_read(descriptor, &state)
    guard status == 0, let plan = job.plan else {
      if status == 0 { jc_job_state_close(&state) }
      if let input {
        refuse(DescriptorStore.inputName(of: job.record.id), input, "the job's entry is not there")
      }
      return refuse(name, descriptor, "it is no entry of this version")
    }
    close(descriptor)
    if let input, state.stdin_closed {
      refuse(DescriptorStore.inputName(of: job.record.id), input, "the job's input has ended")
    } else {
      state.stdin_write = input ?? -1
    }
    jobs.append(Job(record: job.record, plan: plan, state: state))
  }
}

extension Supervisor {
  /// Goes on with the jobs of a supervisor that was killed. One that cannot be adopted is killed, and lost.
  func adopt(_ inheritance: Inheritance) {
    for (name, why) in inheritance.unused {
      log.warn("descriptor_not_used", ["name": name, "reason": why])
      manager.letGo(name)
    }
    for job in inheritance.jobs { adopt(job) }
    if !live.isEmpty { log.info("jobs_adopted", ["count": "\(live.count)"]) }
  }

  private func adopt(_ inherited: Inheritance.Job) {
    var (record, state) = (inherited.record, inherited.state)
    let (id, takesInput) = (record.id, inherited.plan.isStdinOpen)
    do {
      if takesInput, !state.stdin_closed, state.stdin_write < 0 {
        throw DaemonError("its open standard input was not kept")
      }
      let job = LiveJob(id, takesInput: takesInput, state, in: directory.output, delegate: self)
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
      let grace = inherited.plan.grace ?? UInt64(configuration.grace)
      handle(.adopted(record, pid: state.pid, grace: grace, isStartStored: isStartStored))
      descriptorStore.inputMoved(of: job)
    } catch {
      log.error("job_not_adopted", ["id": "\(id)", "error": "\(error)"])
      jc_job_state_kill(engine.handle, &state)
      manager.letGo(DescriptorStore.name(of: id))
      if takesInput { manager.letGo(DescriptorStore.inputName(of: id)) }
    }
  }
}

import CJobEngine
import Glibc
import JobAPI
import JobEngine
import JobLoop
import JobModel
import Platform

/// A pool's loop, engine and jobs. One thread at a time.
final class PoolCore {
  let loop: EventLoop
  private let engine: JobEngine
  private let directory: String
  private let descriptor: Int32
  private let cgroup: PoolCgroup?
  private let outputLimit: UInt64
  private var jobs: [JobID: PoolJob] = [:]
  private var onEmpty: (() -> Void)?

  init(directory: String, outputLimit: Int, launchers: UInt32) throws(SystemError) {
    loop = try EventLoop()
    self.directory = directory
    self.outputLimit = UInt64(max(0, outputLimit))
    descriptor = try Self.open(directory)
    cgroup = PoolCgroup()
    let options = jc_engine_options(
      launchers: launchers, cgroup_parent: nil, output_dir: descriptor, output_mode: 0o600,
      is_daemon: false, launch_ms: JobEngine.launchTime, keeper: -1)
    do {
      engine = try JobEngine(loop, options, cgroup: cgroup?.path)
    } catch {
      close(descriptor)
      throw error
    }
  }

  deinit {
    close(descriptor)
    cgroup?.release()
  }

  private static func open(_ directory: String) throws(SystemError) -> Int32 {
    guard mkdir(directory, 0o700) == 0 || errno == EEXIST else {
      throw SystemError(errno, "make directory \(directory)")
    }
    let descriptor = Glibc.open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw SystemError(errno, "open directory \(directory)") }
    return descriptor
  }

  func create(_ command: String, _ arguments: [String]) throws(JobPoolError) -> JobID {
    let id = JobID(microseconds: Clock.microseconds(), random: UInt64.random(in: 0...UInt64.max))
    let plan = JobPlan(CreateRequest(cmd: command, args: arguments))
    let launch = RunningJob.Launch(id, plan, outputName: "\(id)", outputLimit: outputLimit)
    do {
      jobs[id] = try PoolJob(id, engine, launch)
    } catch {
      throw .system("\(error)")
    }
    return id
  }

  func job(_ id: JobID) throws(JobPoolError) -> PoolJob {
    guard let job = jobs[id] else { throw .notFound }
    return job
  }

  func output(_ id: JobID) throws(JobPoolError) -> JobOutput {
    let record = try job(id).record
    return JobOutput(
      stdout: try read("\(id).stdout"), stderr: try read("\(id).stderr"), isTruncated: record.truncated)
  }

  /// No file: nothing was written.
  private func read(_ name: String) throws(JobPoolError) -> [UInt8] {
    let file = openat(descriptor, name, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else {
      if errno == ENOENT { return [] }
      throw .system("\(SystemError(errno, "open \(directory)/\(name)"))")
    }
    defer { close(file) }
    return SmallFile.read(file, most: Int.max)
  }

  /// Kills a job; `then` is called when it is gone with its files.
  func delete(_ id: JobID, then: @escaping () -> Void) throws(JobPoolError) {
    let job = try job(id)
    job.whenEnded { [self] in
      if jobs.removeValue(forKey: id) != nil {
        for suffix in [".stdout", ".stderr"] { unlinkat(descriptor, "\(id)\(suffix)", 0) }
      }
      then()
      if jobs.isEmpty { onEmpty?() }
    }
    job.kill()
  }

  var isEmpty: Bool { jobs.isEmpty }

  /// Calls `action` when the last job is gone.
  func whenEmpty(_ action: @escaping () -> Void) { onEmpty = action }

  func deleteAll() {
    // What is being deleted already is waited for too.
    for id in Array(jobs.keys) { try? delete(id) {} }
  }
}

/// One job of a pool.
final class PoolJob: RunningJobDelegate {
  private(set) var record: JobRecord
  private var running: RunningJob?
  private var hasEnded = false
  private var waiters: [() -> Void] = []

  init(_ id: JobID, _ engine: JobEngine, _ launch: RunningJob.Launch) throws(SystemError) {
    record = JobRecord(id: id, client: 0, created: Clock.microseconds())
    running = try RunningJob(engine, launch, delegate: self)
  }

  var status: JobStatus {
    JobStatus(
      state: record.state, error: record.error, exitCode: record.state == .completed ? record.exitCode : nil,
      signal: record.signal == 0 ? nil : record.signal)
  }

  func kill() { running?.stop(grace: 0) }

  func whenEnded(_ action: @escaping () -> Void) {
    hasEnded ? action() : waiters.append(action)
  }

  func jobStartWaits() {}
  func jobGone() {}
  func jobStarted(pid: pid_t, at: Int64) { record.started = at }
  func jobOutput(stream: OutputStream, length: UInt64) {}
  func jobOutputFailed(stream: OutputStream, error: Int32) {}
  func jobInputReady(error: Int32) {}

  func jobFinished(_ result: jc_job_result) {
    record.take(result)
    hasEnded = true
    running = nil
    let actions = waiters
    waiters = []
    for action in actions { action() }
  }
}

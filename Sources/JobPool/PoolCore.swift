import CJobEngine
import Glibc
import JobAPI
import JobEngine
import JobLoop
import JobModel
import Platform

/// A pool's loop, engine and jobs. One thread at a time.
final class PoolCore {
  private let loop: EventLoop
  private let engine: JobEngine
  private let directory: String
  private let descriptor: Int32
  private let cgroup: PoolCgroup?
  private let outputLimit: UInt64
  private var jobs: [JobID: PoolJob] = [:]

  init(directory: String, outputLimit: Int) throws(SystemError) {
    loop = try EventLoop()
    self.directory = directory
    self.outputLimit = UInt64(max(0, outputLimit))
    descriptor = try Self.open(directory)
    cgroup = PoolCgroup()
    let options = jc_engine_options(
      launchers: 0, cgroup_parent: nil, output_dir: descriptor, output_mode: 0o600,
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

  /// Lets the jobs make progress as far as they can now.
  func step() throws(JobPoolError) {
    do { try loop.step(wait: false) } catch { throw .system("\(error)") }
  }

  /// When the first timer is due, in milliseconds of the monotonic clock.
  var deadline: Int64 { engine.deadline }

  /// Until there is something to do for any job, or ``wake()``.
  func pause() -> PoolPause { PoolPause([engine.descriptor, loop.wakeDescriptor], until: deadline) }

  /// Ends the pauses of others that are not for a job.
  func wake() { loop.post {} }

  /// Until there may be something to do for `job`.
  func pause(for job: PoolJob) -> PoolPause {
    let process = job.process
    // Without a process of its own nothing tells it what others did with its end.
    let most = process < 0 ? Clock.monotonic() / 1000 + Self.lookAgain : Int64.max
    return PoolPause([engine.descriptor], until: min(deadline, most), process: process)
  }

  /// Milliseconds.
  private static let lookAgain: Int64 = 20

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
    let job = try job(id)
    return JobOutput(
      stdout: try read(.stdout, of: job), stderr: try read(.stderr, of: job),
      isTruncated: job.record.truncated)
  }

  private func read(_ stream: OutputStream, of job: PoolJob) throws(JobPoolError) -> [UInt8] {
    guard job.files.contains(stream) else { return [] }
    let name = Self.file(stream, of: job.record.id)
    let file = openat(descriptor, name, O_RDONLY | O_CLOEXEC)
    // It could not be made: nothing was written.
    if file < 0, errno == ENOENT { return [] }
    guard file >= 0 else { throw .system("\(SystemError(errno, "open \(directory)/\(name)"))") }
    defer { close(file) }
    return SmallFile.read(file, most: Int.max)
  }

  private static func file(_ stream: OutputStream, of id: JobID) -> String {
    "\(id).\(stream == .stdout ? "stdout" : "stderr")"
  }

  /// Kills a job; `then` is called when it is gone with its files.
  @discardableResult
  func delete(_ id: JobID, then: @escaping () -> Void) throws(JobPoolError) -> PoolJob {
    let job = try job(id)
    job.whenEnded { [self] in
      if jobs.removeValue(forKey: id) != nil {
        for stream in job.files { unlinkat(descriptor, Self.file(stream, of: id), 0) }
      }
      then()
    }
    job.kill()
    return job
  }

  var isEmpty: Bool { jobs.isEmpty }

  func deleteAll() {
    // What is being deleted already is waited for too.
    for id in Array(jobs.keys) { _ = try? delete(id) {} }
  }
}

/// One job of a pool.
final class PoolJob: RunningJobDelegate {
  private(set) var record: JobRecord
  private var running: RunningJob?
  /// The streams of which there may be a file: something was written, or was to be.
  private(set) var files: Set<OutputStream> = []
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

  /// Its first process, readable once that has ended; -1: it was reaped, or is not there.
  var process: Int32 { running?.process ?? -1 }

  func kill() { running?.stop(grace: 0) }

  func whenEnded(_ action: @escaping () -> Void) {
    hasEnded ? action() : waiters.append(action)
  }

  func jobStartWaits() {}
  func jobGone() {}
  func jobStarted(pid: pid_t, at: Int64) { record.started = at }
  func jobOutput(stream: OutputStream, length: UInt64) { files.insert(stream) }
  func jobOutputFailed(stream: OutputStream, error: Int32) { files.insert(stream) }
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

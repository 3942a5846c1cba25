import CJobEngine
import Glibc
import JobAPI
import Testing

@testable import JobEngine
@testable import JobLoop
@testable import JobModel
@testable import Platform

/// A loop and an engine of a test's own, run by the test until its jobs have ended.
final class EngineHarness {
  private let loop: EventLoop
  private var engine: JobEngine!
  private let directory: String
  private let descriptor: Int32
  private(set) var cgroup: String?
  private var count = 0

  struct End {
    /// Without what lives during the callback only.
    var result: jc_job_result
    var errorSubject: String?
    var started: Bool
    var output: [UInt8]
    var stdoutSize: Int
    /// Bytes of each stream that were told as they came.
    var told: [UInt64]
    var stdout: String { String(decoding: output, as: UTF8.self) }
  }

  init(_ kind: EngineTests.Kind, launchTime: UInt64 = 30_000) throws {
    loop = try EventLoop()
    var template = Array("/tmp/jobd-engine-XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil)
    directory = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if kind.usesCgroup { cgroup = Self.claim(String(directory.suffix(6))) }
    let options = jc_engine_options(
      launchers: kind.launchers, cgroup_parent: nil, output_dir: descriptor, output_mode: 0o600,
      is_daemon: false, launch_ms: launchTime, keeper: -1)
    engine = try JobEngine(loop, options, cgroup: cgroup)
  }

  deinit {
    engine = nil
    close(descriptor)
    if let cgroup { jc_cgroup_release(cgroup) }
    for index in 0..<count {
      for suffix in ["stdout", "stderr"] { unlink("\(directory)/\(index).\(suffix)") }
    }
    rmdir(directory)
  }

  /// Nil where the hierarchy is not writable: the engine falls back then, as the daemon does.
  private static func claim(_ name: String) -> String? {
    var found: UnsafeMutablePointer<CChar>?
    guard jc_cgroup_find(&found) == 0, let found else { return nil }
    defer { free(found) }
    var claimed: UnsafeMutablePointer<CChar>?
    guard jc_cgroup_claim(found, "jobd-test-\(name)", nil, 0, &claimed) == 0, let claimed else { return nil }
    defer { free(claimed) }
    // Where that is possible.
    for controller in ["memory", "cpu", "pids"] {
      var failed: UnsafeMutablePointer<CChar>?
      _ = jc_cgroup_turn_on(claimed, controller, &failed)
      free(failed)
    }
    return String(cString: claimed)
  }

  var controllers: UInt32 { engine.controllers }

  /// A job to start: its plan, and what the plan does not say.
  struct Launch {
    var request: CreateRequest
    /// A descriptor of its standard input; -1: as the request says.
    var input: Int32 = -1
    var limits = jc_limits()
    var holdsOutput = false
    var signals = JC_SIGNALS_TREE

    var timeout: Int64 {
      get { request.timeout?.milliseconds ?? 0 }
      set { request.timeout = DurationText(milliseconds: newValue) }
    }
    var grace: Int64 {
      get { request.grace?.milliseconds ?? 0 }
      set { request.grace = DurationText(milliseconds: newValue) }
    }
  }

  static func launch(_ arguments: [String]) -> Launch {
    Launch(request: CreateRequest(cmd: arguments[0], args: Array(arguments.dropFirst())))
  }

  static func shell(_ script: String) -> Launch { launch(["sh", "-c", script]) }

  func run(_ script: String) throws -> End { try run(Self.shell(script)) }

  func run(_ launch: Launch, input: [UInt8]? = nil) throws -> End {
    try runAll([launch], input: input)[0]
  }

  /// `act` is called with the job and its stdout until it is true.
  func run(_ launch: Launch, act: (RunningJob, String) -> Bool) throws -> End {
    let job = try start(launch, nil)
    var hasActed = false
    while job.result == nil {
      try loop.step(wait: true)
      if !hasActed, job.result == nil { hasActed = act(job.running!, output(of: job)) }
    }
    return end(of: job)
  }

  /// Goes on with a held job as a supervisor does that was not its parent; `name`: of its output.
  func adopt(_ entry: Int32, name: String) throws -> TestJob {
    var state = jc_job_state()
    try #require(jc_entry_read(entry, &state) == 0)
    let job = TestJob(name, nil)
    count += 1
    job.running = try RunningJob(
      engine, adopting: &state, outputName: name, marker: "\(JobEnvironment.marker)=\(name)", delegate: job)
    return job
  }

  /// The same of one whose standard error cannot be watched: its state after that failed.
  func failToAdopt(_ entry: Int32, name: String) throws -> jc_job_state {
    var state = jc_job_state()
    try #require(jc_entry_read(entry, &state) == 0)
    let file = open("\(directory)/\(name).stdout", O_RDONLY | O_CLOEXEC)
    if state.pipe.1 >= 0 { close(state.pipe.1) }
    state.pipe.1 = file
    #expect(throws: SystemError.self) {
      _ = try RunningJob(
        engine, adopting: &state, outputName: name, marker: "none", delegate: TestJob(name, nil))
    }
    return state
  }

  func runAll(_ launches: [Launch], input: [UInt8]? = nil) throws -> [End] {
    let jobs = try launches.map { try start($0, input) }
    while jobs.contains(where: { $0.result == nil }) { try loop.step(wait: true) }
    return jobs.map(end)
  }

  func start(_ launch: Launch, _ input: [UInt8]? = nil) throws -> TestJob {
    let id = JobID(microseconds: Clock.microseconds(), random: UInt64.random(in: 0...UInt64.max))
    let job = TestJob("\(count)", input)
    count += 1
    var raw = RunningJob.Launch(id, JobPlan(launch.request), outputName: job.name, outputLimit: .max)
    raw.input = launch.input
    raw.limits = launch.limits
    raw.holdsOutput = launch.holdsOutput
    raw.signals = launch.signals
    job.running = try RunningJob(engine, raw, delegate: job)
    return job
  }

  /// Lets the jobs make progress, if they can.
  func step() throws { try loop.step(wait: false) }

  /// Lets the jobs make progress.
  func run(until condition: () -> Bool) throws { while !condition() { try loop.step(wait: true) } }

  func finish(_ job: TestJob) throws -> End {
    try run { job.result != nil }
    return end(of: job)
  }

  func end(of job: TestJob) -> End {
    job.running = nil
    let bytes = read(job.name)
    return End(
      result: job.result!, errorSubject: job.errorSubject, started: job.hasStarted, output: bytes,
      stdoutSize: bytes.count, told: job.told)
  }

  func output(of job: TestJob) -> String { String(decoding: read(job.name), as: UTF8.self) }

  func errors(of job: TestJob) -> String { String(decoding: read(job.name, "stderr"), as: UTF8.self) }

  private func read(_ name: String, _ stream: String = "stdout") -> [UInt8] {
    let file = open("\(directory)/\(name).\(stream)", O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return [] }
    defer { close(file) }
    return SmallFile.read(file, most: .max)
  }
}

final class TestJob: RunningJobDelegate {
  let name: String
  var running: RunningJob?
  var hasStarted = false
  var startWaited = false
  var isGone = false
  var isFull = false
  var termAsked = 0
  var told: [UInt64] = [0, 0]
  var onOutput = {}
  var result: jc_job_result?
  var errorSubject: String?
  private var input: ArraySlice<UInt8>?
  private var closesInput = true

  init(_ name: String, _ input: [UInt8]?) {
    self.name = name
    self.input = input.map { $0[...] }
  }

  func jobStartWaits() { startWaited = true }
  func jobStarted(pid: pid_t, at: Int64) { hasStarted = true }
  func jobOutput(stream: OutputStream, length: UInt64) {
    told[Int(stream.index)] += length
    onOutput()
  }

  func jobOutputFull() { isFull = true }
  func jobTermAsked() { termAsked += 1 }
  func jobOutputFailed(stream: OutputStream, error: Int32) {}
  func jobInputReady(error: Int32) {
    guard error == 0, let rest = input else { return }
    let taken = rest.withUnsafeBytes { running!.writeInput($0) }
    guard taken >= 0 else { return }
    input = rest.dropFirst(taken)
    if input!.isEmpty {
      if closesInput { running!.closeInput() }
      input = nil
    }
  }

  /// Input for a job that runs; it is not closed.
  func feed(_ bytes: [UInt8]) {
    (input, closesInput) = (bytes[...], false)
    jobInputReady(error: 0)
  }

  func jobGone() { isGone = true }

  func jobFinished(_ result: jc_job_result) {
    self.result = result
    errorSubject = result.error_subject.map { String(cString: $0) }
    self.result?.error_subject = nil
  }
}

import CJobEngine
import Glibc
import JobAPI
import JobLoop
import JobModel
import Platform

/// Launches, drains and reaps jobs on an event loop. Loop's thread only.
package final class JobEngine {
  package let handle: OpaquePointer
  private let loop: EventLoop
  /// Milliseconds that a program may take to come to run.
  package static let launchTime: UInt64 = 30_000

  /// `cgroup`: a cgroup v2 directory for the jobs' own; nil: process groups.
  package init(_ loop: EventLoop, _ options: jc_engine_options, cgroup: String?) throws(SystemError) {
    var options = options
    var made: OpaquePointer?
    let status = withOptionalCString(cgroup) { parent in
      options.cgroup_parent = parent
      return jc_engine_new(loop.handle, &options, &made)
    }
    guard status == 0, let made else { throw SystemError(status, "make the job engine") }
    handle = made
    self.loop = loop
  }

  deinit { jc_engine_free(handle) }

  /// `jc_limit_bits`: the limits that jobs can have here.
  package var controllers: UInt32 { jc_engine_controllers(handle) }

  /// From here on no core dump of this process is made, nor may another of its user's look into it. Any thread.
  package func forbidDumps() { jc_engine_forbid_dumps(handle) }

  /// Readable when there is something to do for a job, but for its timers; of an engine without launchers.
  package var descriptor: Int32 { jc_engine_fd(handle) }
  /// When the first of the jobs' timers is due, in milliseconds of the monotonic clock; `Int64.max`: never.
  package var deadline: Int64 { jc_engine_deadline(handle) }
}

/// The numbers of descriptors that an engine takes: the lower they are, the less a launch copies (`launch_pad.c`). Held
/// while others are opened before it is made, and let go right before that.
package struct DescriptorPlaces: ~Copyable {
  private let descriptors: [Int32]

  package init(launchers: Int) {
    // Three for each launcher, and the engine's own.
    descriptors = (0..<3 * launchers + 8).map { _ in open("/dev/null", O_RDONLY | O_CLOEXEC) }
  }

  deinit { for descriptor in descriptors where descriptor >= 0 { close(descriptor) } }
}

/// What is told of a running job, on the loop's thread.
package protocol RunningJobDelegate: AnyObject {
  /// Its program does not come to run: others are launched meanwhile. ``jobStarted(pid:at:)`` or
  /// ``jobFinished(_:)`` follows.
  func jobStartWaits()
  /// The program runs. `at`: microseconds since 1970.
  func jobStarted(pid: pid_t, at: Int64)
  /// `length` bytes more of a stream are in its file, or held in memory.
  func jobOutput(stream: OutputStream, length: UInt64)
  /// Nothing more of a stream can be kept, because of this errno. Once for each stream.
  func jobOutputFailed(stream: OutputStream, error: Int32)
  /// Memory does not take more of it: the job waits for ``RunningJob/keepOutput()``.
  func jobOutputFull()
  /// Room in the stdin pipe again (0), or its reader is gone (a negative errno).
  func jobInputReady(error: Int32)
  /// Of a job with `JC_SIGNALS_OWNER`: TERM is to be sent, and ``RunningJob/termSent()`` to be called when it is. Told
  /// within ``RunningJob/stop(grace:)`` too, and again of an adopted job whose TERM was not sent.
  func jobTermAsked()
  /// First process reaped, output complete, tree gone. The last call, unless something is left.
  func jobFinished(_ result: jc_job_result)
  /// What `jc_job_result.left` said is gone. The last call.
  func jobGone()
}

extension RunningJobDelegate {
  package func jobOutputFull() {}
  package func jobTermAsked() {}
}

extension OutputStream {
  fileprivate init(_ stream: jc_stream) { self = stream == JC_STDOUT ? .stdout : .stderr }
}

/// One job of an engine, from its start until it is released after it finished. Loop's thread only.
package final class RunningJob: InputSink {
  private var job: OpaquePointer?
  private unowned let delegate: any RunningJobDelegate
  private let engine: JobEngine
  /// Until what is left of the job is gone.
  private var keptDelegate: (any RunningJobDelegate)?
  /// Of its first process; 0: it has not started.
  package private(set) var pid: pid_t = 0

  /// A job to start, and what its plan does not say.
  package struct Launch {
    package let id: JobID
    package let plan: JobPlan
    /// Files are named so in the engine's directory.
    package let outputName: String
    /// A descriptor of its standard input, taken over also when the start fails; -1: as the plan says.
    package var input: Int32 = -1
    /// Bytes of each stream, if the plan's limit is not less.
    package let outputLimit: UInt64
    /// Milliseconds between TERM and KILL where the plan says none.
    package var grace: UInt64 = 10_000
    package var identity = JobIdentity.own
    /// The start fails with ENOTSUP for one that the engine's `controllers` do not name.
    package var limits = jc_limits()
    /// Whom its signals reach.
    package var signals = JC_SIGNALS_TREE
    /// The output stays in memory until ``RunningJob/keepOutput()``.
    package var holdsOutput = false

    package init(_ id: JobID, _ plan: JobPlan, outputName: String, outputLimit: UInt64) {
      (self.id, self.plan, self.outputName, self.outputLimit) = (id, plan, outputName, outputLimit)
    }
  }

  /// Starts a job. `delegate` outlives it.
  package init(_ engine: JobEngine, _ launch: Launch, delegate: any RunningJobDelegate) throws(SystemError) {
    self.engine = engine
    self.delegate = delegate
    try SystemError.check(start(launch), "start a job")
    // The C side holds a reference until `finished`, or `gone`.
    _ = Unmanaged.passRetained(self)
  }

  /// Goes on with a job of the supervisor before. Its output files and what they hold are then in `state`, whose
  /// descriptors stay the caller's when it fails.
  package init(
    _ engine: JobEngine, adopting state: inout jc_job_state, outputName: String, marker: String,
    delegate: any RunningJobDelegate
  ) throws(SystemError) {
    self.engine = engine
    self.delegate = delegate
    let status = jc_job_adopt(
      engine.handle, &state, outputName, marker, &RunningJob.events,
      Unmanaged.passUnretained(self).toOpaque(), &job)
    guard status == 0 else { throw SystemError(status, "adopt a job") }
    pid = state.pid
    _ = Unmanaged.passRetained(self)
  }

  /// What the keeper is to hold for a successor; the caller closes it. Nil when the job is about to end.
  package func makeEntry() throws(SystemError) -> Int32? {
    var entry: Int32 = -1
    let status = jc_job_entry(job!, &entry)
    if status == -EAGAIN { return nil }
    guard status == 0 else { throw SystemError(status, "make an entry of a job") }
    return entry
  }

  /// Whether the entry that was made last tells a successor what it needs.
  package var isAdoptable: Bool { jc_job_is_adoptable(job!) }

  /// Readable once its first process has ended; -1: it was reaped, or is not there yet. Stays the job's.
  package var process: Int32 { jc_job_pidfd(job!) }

  /// The write end of its standard input, which stays the job's; -1: there is none.
  package var input: Int32 { jc_job_stdin_fd(job!) }

  deinit { jc_job_free(job) }

  private func start(_ launch: Launch) -> Int32 {
    launch.plan.bytes.withUnsafeBytes { plan in
      "\(JobEnvironment.marker)=\(launch.id)".withCString { marker in
        launch.outputName.withCString { name in
          var options = jc_job_options(
            plan: plan.baseAddress!, plan_length: plan.count, identity: launch.identity.pointer,
            marker: marker, output_name: name, stdin_fd: launch.input, output_limit: launch.outputLimit,
            grace_ms: launch.grace, limits: launch.limits, signals: launch.signals,
            holds_output: launch.holdsOutput)
          return jc_job_start(
            engine.handle, &options, &RunningJob.events, Unmanaged.passUnretained(self).toOpaque(), &job)
        }
      }
    }
  }

  /// To the first process, to all, or as its `jc_signals` says. -ESRCH once it has ended, -EINVAL.
  package func signal(_ number: Int32, tree: Bool) -> Int32 { jc_job_signal(job!, number, tree) }

  /// What it has used so far. Nil while it is being launched, and once its first process has ended.
  package func usage() -> jc_usage? {
    var usage = jc_usage()
    return jc_job_usage(job!, &usage) == 0 ? usage : nil
  }

  /// TERM to the tree, or as its `jc_signals` says; KILL after `grace` milliseconds; 0: KILL at once.
  package func stop(grace: UInt64) { jc_job_stop(job!, grace) }

  /// The owner has sent the TERM of ``RunningJobDelegate/jobTermAsked()``. Harmless when repeated.
  package func termSent() { jc_job_term_sent(job!) }

  /// Bytes taken (0: full, wait for `jobInputReady`), or a negative errno.
  package func writeInput(_ bytes: UnsafeRawBufferPointer) -> Int {
    guard let base = bytes.baseAddress else { return 0 }
    return jc_job_stdin_write(job!, base, bytes.count)
  }

  /// Of its terminal. -ENOTTY: it has none, or its input was closed; -ESRCH: it has ended, or not begun.
  package func resize(rows: UInt16, columns: UInt16) -> Int32 { jc_job_resize(job!, rows, columns) }

  package func closeInput() { jc_job_stdin_close(job!) }

  /// A copy of what is in memory.
  package func heldOutput(_ stream: OutputStream) -> [UInt8] {
    var length = 0
    let bytes = jc_job_held_output(job!, jc_stream(UInt32(stream.index)), &length)
    return [UInt8](UnsafeRawBufferPointer(start: bytes, count: length))
  }

  /// From now on the output is in files. What there is of it: less than was told where a file does not take it.
  package func keepOutput() -> jc_job_result {
    var counts = jc_job_result()
    jc_job_keep_output(job!)
    jc_job_output_counts(job!, &counts)
    return counts
  }

  /// There will be no files: what is in memory is dropped, and whatever follows.
  package func dropOutput() { jc_job_drop_output(job!) }

  /// The stream's file, or -1 when there was no output. Open until the job is released.
  package func outputDescriptor(_ stream: OutputStream) -> Int32 {
    jc_job_output_fd(job!, jc_stream(UInt32(stream.index)))
  }
}

extension RunningJob {
  private nonisolated(unsafe) static var events = jc_job_events(
    start_waits: { context in RunningJob.of(context).delegate.jobStartWaits() },
    started: { context, pid, at in
      let job = RunningJob.of(context)
      job.pid = pid
      job.delegate.jobStarted(pid: pid, at: at)
    },
    output: { context, stream, length in
      RunningJob.of(context).delegate.jobOutput(stream: OutputStream(stream), length: length)
    },
    output_failed: { context, stream, error in
      RunningJob.of(context).delegate.jobOutputFailed(stream: OutputStream(stream), error: error)
    },
    output_full: { context in RunningJob.of(context).delegate.jobOutputFull() },
    stdin_ready: { context, error in RunningJob.of(context).delegate.jobInputReady(error: error) },
    term_asked: { context in RunningJob.of(context).delegate.jobTermAsked() },
    finished: { context, result in
      let job = RunningJob.of(context)
      if result.pointee.left { job.keptDelegate = job.delegate }
      job.delegate.jobFinished(result.pointee)
      if !result.pointee.left { Unmanaged.passUnretained(job).release() }
    },
    gone: { context in
      let job = Unmanaged<RunningJob>.fromOpaque(context!).takeRetainedValue()
      job.delegate.jobGone()
      job.keptDelegate = nil
    })

  private static func of(_ context: UnsafeMutableRawPointer?) -> RunningJob {
    Unmanaged<RunningJob>.fromOpaque(context!).takeUnretainedValue()
  }
}

import CJobEngine
import JobModel

/// What a supervisor leaves to the one that takes its place in the same process, by exec: descriptors stay open,
/// children stay children, and this says which is which.
package struct Handover {
  /// Changes when what follows has another form: a successor that does not know it does not take over.
  private static let version: UInt32 = 5

  var jobDescriptors: UInt64
  var cgroup: String?
  /// The service manager's socket.
  package var notifySocket: String?
  var address: String
  var listeners: [Int32]
  /// Of the state directory.
  var lock: Int32
  var counts: SupervisorCounts.Handed
  var jobs: [Job]

  /// A running job.
  struct Job {
    var record: JobRecord
    var pid: Int32
    var grace: UInt64
    var takesInput: Bool
    var isStartStored: Bool
    var isHeld: Bool
    var isInputHeld: Bool
    var state: jc_job_state
  }

  func encode() -> [UInt8] {
    var writer = ByteWriter(capacity: 1024 + jobs.count * 512)
    writer.put(Self.version)
    writer.put(jobDescriptors)
    writer.put(cgroup)
    writer.put(notifySocket)
    writer.put(address)
    writer.put(UInt32(listeners.count))
    for descriptor in listeners { writer.put(descriptor) }
    writer.put(lock)
    writer.put(counts.layout)
    writer.put(counts.supervisor)
    writer.put(counts.api)
    writer.put(UInt32(jobs.count))
    for job in jobs { job.encode(into: &writer) }
    return writer.bytes
  }

  init(decoding bytes: UnsafeRawBufferPointer) throws(MalformedBytes) {
    var reader = ByteReader(bytes)
    guard try reader.integer(UInt32.self) == Self.version else { throw MalformedBytes() }
    jobDescriptors = try reader.integer()
    cgroup = try reader.optionalString()
    notifySocket = try reader.optionalString()
    address = try reader.string()
    listeners = []
    for _ in 0..<(try reader.count(ofSize: 4)) { listeners.append(try reader.integer()) }
    lock = try reader.integer()
    counts = SupervisorCounts.Handed(
      layout: try reader.integer(), supervisor: try reader.integer(), api: try reader.integer())
    jobs = []
    for _ in 0..<(try reader.count(ofSize: 64)) { jobs.append(try Job(from: &reader)) }
    try reader.end()
  }

  init(
    jobDescriptors: UInt64, cgroup: String?, notifySocket: String?, address: String, listeners: [Int32],
    lock: Int32, counts: SupervisorCounts.Handed, jobs: [Job]
  ) {
    (self.jobDescriptors, self.cgroup, self.notifySocket) = (jobDescriptors, cgroup, notifySocket)
    (self.address, self.listeners) = (address, listeners)
    (self.lock, self.counts, self.jobs) = (lock, counts, jobs)
  }
}

extension Handover.Job {
  fileprivate func encode(into writer: inout ByteWriter) {
    writer.put(record)
    writer.put(pid)
    writer.put(grace)
    writer.put(takesInput)
    writer.put(isStartStored)
    writer.put(isHeld)
    writer.put(isInputHeld)
    state.encode(into: &writer)
  }

  fileprivate init(from reader: inout ByteReader) throws(MalformedBytes) {
    record = try JobRecord(from: &reader)
    pid = try reader.integer()
    grace = try reader.integer()
    takesInput = try reader.bool()
    isStartStored = try reader.bool()
    (isHeld, isInputHeld) = (try reader.bool(), try reader.bool())
    state = try jc_job_state(from: &reader)
  }
}

extension jc_job_state {
  fileprivate func encode(into writer: inout ByteWriter) {
    for number in [pid, pidfd, stdin_write, checkpoint] { writer.put(number) }
    for number in [pipe.0, pipe.1, file.0, file.1, output_error.0, output_error.1] { writer.put(number) }
    for number in [cgroup, started_us, deadline] { writer.put(number) }
    for number in [kept.0, kept.1, dropped.0, dropped.1, output_limit, grace_ms] { writer.put(number) }
    for number in [input_taken, input_pending] { writer.put(number) }
    writer.put(limit_action.rawValue)
    for flag in [term_sent, kill_sent, timed_out, limit_killed, stdin_closed, adopted] { writer.put(flag) }
  }

  fileprivate init(from reader: inout ByteReader) throws(MalformedBytes) {
    self.init()
    (pid, pidfd) = (try reader.integer(), try reader.integer())
    (stdin_write, checkpoint) = (try reader.integer(), try reader.integer())
    (pipe.0, pipe.1) = (try reader.integer(), try reader.integer())
    (file.0, file.1) = (try reader.integer(), try reader.integer())
    (output_error.0, output_error.1) = (try reader.integer(), try reader.integer())
    (cgroup, started_us, deadline) = (try reader.integer(), try reader.integer(), try reader.integer())
    (kept.0, kept.1) = (try reader.integer(), try reader.integer())
    (dropped.0, dropped.1) = (try reader.integer(), try reader.integer())
    (output_limit, grace_ms) = (try reader.integer(), try reader.integer())
    (input_taken, input_pending) = (try reader.integer(), try reader.integer())
    limit_action = jc_limit_action(rawValue: try reader.integer())
    (term_sent, kill_sent) = (try reader.bool(), try reader.bool())
    (timed_out, limit_killed) = (try reader.bool(), try reader.bool())
    (stdin_closed, adopted) = (try reader.bool(), try reader.bool())
  }
}

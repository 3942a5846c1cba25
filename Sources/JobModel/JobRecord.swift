import JobAPI

/// All that is known of a job but what it is to run: one row of the store, one entry of the api process's table.
package struct JobRecord: Equatable, Sendable {
  package let id: JobID
  /// The owner: the store's number for a common name.
  package let client: Int64
  package var state: JobState = .running
  /// Microseconds since 1970; 0: not yet.
  package var created: Int64
  package var started: Int64 = 0
  package var finished: Int64 = 0
  /// When completed, 128 + N after signal N; in state error that of ``errorCode``.
  package var exitCode: Int32 = 0
  /// The signal that ended the first process; 0: none.
  package var signal: Int32 = 0
  /// Why it is in state error, or what went wrong with its output; nil: nothing.
  package var error: String?
  package var stdout = StreamCount()
  package var stderr = StreamCount()
  package var flags: Flags = []
  /// CPU time in microseconds and the peak resident set in KiB.
  package var userTime: UInt64 = 0
  package var systemTime: UInt64 = 0
  package var peakMemory: UInt64 = 0
  /// What ended it. While it runs: what the daemon did to end it, which counts in ``end(by:)``.
  package var endedBy: EndedBy?
  /// The client that asked for that; nil: the daemon, or nobody knows.
  package var stopper: String?
  /// When; microseconds since 1970, as all of these. 0: not, or not known.
  package var stopAsked: Int64 = 0
  package var launched: Int64 = 0
  package var firstOutput: Int64 = 0
  /// Microseconds for which its limit of CPUs held it back.
  package var throttled: UInt64 = 0
  /// When its creation and its result were written to the disk, as its row alone tells.
  package var stored: Int64 = 0
  package var saved: Int64 = 0
  package var cleanup: Cleanup = .none
  /// What went wrong with its runner's command for signals or for the cleanup; nil: nothing.
  package var runnerError: String?

  /// Whether its runner may have left something of it behind, which the runner's cleanup command ends. By the numbers
  /// that stand for it in messages and in the store.
  package enum Cleanup: UInt8, Sendable {
    /// Nothing is left, or there is no such command.
    case none
    /// The supervisor runs that command until nothing is left.
    case pending
    /// Nothing is left any more.
    case done
  }

  /// Bytes of one stream.
  package struct StreamCount: Equatable, Sendable {
    package var kept: UInt64 = 0
    package var dropped: UInt64 = 0

    package init(kept: UInt64 = 0, dropped: UInt64 = 0) { (self.kept, self.dropped) = (kept, dropped) }
  }

  package struct Flags: OptionSet, Equatable, Sendable {
    package let rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }
    /// The job's time limit ended it.
    package static let timedOut = Flags(rawValue: 1)
    /// The output limit ended it.
    package static let limitKilled = Flags(rawValue: 2)
    /// The index of the output of the combined log is in a file beside the streams' files.
    package static let logInFile = Flags(rawValue: 8)
    /// Output was dropped at the limit, or could not be written.
    package static let truncated = Flags(rawValue: 16)
    /// A supervisor that was not its parent went on with it, after the one that was had been killed.
    package static let adopted = Flags(rawValue: 32)
    /// It waits for a slot.
    package static let queued = Flags(rawValue: 64)
    /// Its runner has a command that ends what is left elsewhere of jobs.
    package static let mayLeave = Flags(rawValue: 128)
  }

  package init(id: JobID, client: Int64, created: Int64) {
    self.id = id
    self.client = client
    self.created = created
  }

  /// The job as it is told while its end is not on disk.
  package var unfinished: JobRecord {
    var record = JobRecord(id: id, client: client, created: created)
    (record.started, record.stdout, record.stderr) = (started, stdout, stderr)
    (record.launched, record.runnerError) = (launched, runnerError)
    return record
  }

  /// What exec(2) had against the command; nil: nothing, or it is something else that went wrong.
  package var errorCode: CommandError? { state == .error ? CommandError(exitCode: exitCode) : nil }

  /// It waits for a slot: its state is running, as the API has it.
  package var isQueued: Bool {
    get { flags.contains(.queued) }
    set { if newValue { flags.insert(.queued) } else { flags.remove(.queued) } }
  }

  package var truncated: Bool { flags.contains(.truncated) }

  /// It has ended and left nothing: it may be let go of once it was kept long enough.
  package var mayExpire: Bool { state != .running && cleanup != .pending }

  /// False: it ended without a byte of output, with the first of which its files are made.
  package var mayHaveFiles: Bool { state == .running || hasOutput }
  /// Whether it wrote a byte, kept or dropped.
  package var hasOutput: Bool { stdout != StreamCount() || stderr != StreamCount() }

  /// The name of the job's files in the output directory, without `.stdout`, `.stderr` and `.log`: 256 directories
  /// by the id's last byte keep each of them small.
  package var outputName: String { Self.outputName(of: id) }

  package static func outputName(of id: JobID) -> String {
    let text = id.description
    return "\(text.suffix(2))/\(text)"
  }
}

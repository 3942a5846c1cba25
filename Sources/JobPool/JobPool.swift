// With this module alone a program can name every type of its interface.
@_exported import struct JobAPI.JobID
@_exported import enum JobAPI.JobState

/// Runs commands in the calling process's own name, with no daemon: create, status, output, delete.
///
/// Each job has its own session and process group and, where the cgroup v2 hierarchy is writable, its own cgroup; its
/// output goes into two files below the pool's directory. Nothing outlives the pool: when it is released its jobs are
/// killed and their files removed.
///
/// All methods may be called from any thread.
public final class JobPool: Sendable {
  /// When jobs make progress: their output is drained, their end is seen.
  public enum Evaluation: Sendable {
    /// Inside the calls of this pool, and nowhere else: no thread is made. A job whose pipe is full waits for a call.
    case lazy
    /// By a thread of the pool's own, as it happens.
    case eager
  }

  private let runner: any PoolRunner

  /// A pool that keeps output in `directory`, which is made where it is missing.
  /// - Parameter outputLimit: bytes kept of each stream; past it output is drained, counted and dropped.
  /// - Throws: ``JobPoolError/system(_:)`` when the directory cannot be used or descriptors are out.
  public init(
    directory: String, evaluation: Evaluation = .lazy, outputLimit: Int = 64 << 20
  ) throws(JobPoolError) {
    do {
      let core = try PoolCore(directory: directory, outputLimit: outputLimit)
      runner = evaluation == .lazy ? LazyRunner(core) : try EagerRunner(core)
    } catch {
      throw .system("\(error)")
    }
  }

  deinit { runner.shutDown() }

  /// Starts a job and returns at once. A command that does not exist is found out later: its job is in state error.
  /// - Parameters:
  ///   - command: a path, or a name that is looked up in `PATH` (execve(2), execvp(3)).
  ///   - arguments: without the program's own name.
  /// - Throws: ``JobPoolError/invalid(_:)`` for an empty command or a NUL, ``JobPoolError/system(_:)``.
  public func create(_ command: String, arguments: [String] = []) throws(JobPoolError) -> JobID {
    guard !command.isEmpty else { throw .invalid("the command is empty") }
    guard !([command] + arguments).contains(where: { $0.utf8.contains(0) }) else {
      throw .invalid("the command or an argument contains NUL")
    }
    return try runner.call { core throws(JobPoolError) in try core.create(command, arguments) }
  }

  /// The job's state now.
  /// - Throws: ``JobPoolError/notFound``.
  public func status(_ id: JobID) throws(JobPoolError) -> JobStatus {
    try runner.call { core throws(JobPoolError) in try core.job(id).status }
  }

  /// Returns when the job has ended, or was deleted; other threads' calls go on meanwhile. Its state then.
  /// - Throws: ``JobPoolError/notFound``, ``JobPoolError/system(_:)``.
  public func wait(_ id: JobID) throws(JobPoolError) -> JobStatus {
    try runner.wait { core, end throws(JobPoolError) in
      let job = try core.job(id)
      job.whenEnded(end)
      return job
    }
  }

  /// What the job has written so far, byte for byte.
  /// - Throws: ``JobPoolError/notFound``, ``JobPoolError/system(_:)`` when a file cannot be read.
  public func output(_ id: JobID) throws(JobPoolError) -> JobOutput {
    try runner.call { core throws(JobPoolError) in try core.output(id) }
  }

  /// Kills the job's whole tree, waits until it is gone, and removes its output.
  /// - Throws: ``JobPoolError/notFound``.
  public func delete(_ id: JobID) throws(JobPoolError) {
    _ = try runner.wait { core, end throws(JobPoolError) in try core.delete(id, then: end) }
  }
}

/// The state of a job of a ``JobPool``.
public struct JobStatus: Sendable, Equatable {
  public var state: JobState
  /// Why it is in state error, or what went wrong with its output.
  public var error: String?
  /// When completed: the exit code, or 128 + N after signal N.
  public var exitCode: Int32?
  /// The signal that ended the first process.
  public var signal: Int32?
}

/// What a job of a ``JobPool`` has written.
public struct JobOutput: Sendable, Equatable {
  public var stdout: [UInt8]
  public var stderr: [UInt8]
  /// Some was dropped at the limit, or could not be written.
  public var isTruncated: Bool
}

/// Why a call of a ``JobPool`` did not succeed.
public enum JobPoolError: Error, Equatable, CustomStringConvertible {
  /// The pool has no job of that id: it never had, or it was deleted.
  case notFound
  /// An argument is not allowed: which and why.
  case invalid(String)
  /// A system call failed: which and why.
  case system(String)

  public var description: String {
    switch self {
    case .notFound: "there is no such job"
    case .invalid(let text), .system(let text): text
    }
  }
}

import Glibc
import Harness
import JobClient
import Synchronization

/// What all threads of a run share. Any thread.
final class Context: Sendable {
  let verdict = Verdict()
  let counters = Counters()
  /// Directory of the run's own files.
  let directory: String
  /// The script all jobs run.
  let script: String
  /// The daemon's state directory.
  private let state: String
  /// The address of the daemon and the directory of certificates.
  private let port: UInt16
  private let pki: String

  /// Clients go on until this is set.
  private let isOver = Atomic(false)
  private let deaths = Mutex<[Death]>([])
  /// When the last upgrade ended, or failed.
  private let lastUpgrade = Mutex<Int64>(0)

  init(_ daemon: Daemon) throws {
    directory = daemon.scratch.path
    state = daemon.state
    port = UInt16(daemon.port)
    pki = daemon.pki.directory
    script = "\(directory)/job.sh"
    try Files.write(Array(Plan.script.utf8), to: script, mode: 0o644)
  }

  var mustStop: Bool { isOver.load(ordering: .relaxed) || verdict.isBad }
  func stop() { isOver.store(true, ordering: .relaxed) }

  /// Takes a supervisor away by `end`, which returns when it is dead.
  func supervisorDies(_ end: () throws -> Void) rethrows {
    let place = deaths.withLock { deaths in
      deaths.append(Death())
      return deaths.count - 1
    }
    defer { deaths.withLock { $0[place].end = Death.now() } }
    try end()
  }

  /// Has another supervisor take the place of the one there is by `upgrade`, which returns when that is over.
  func supervisorIsReplaced(_ upgrade: () throws -> Void) rethrows {
    defer { lastUpgrade.withLock { $0 = Death.now() } }
    try upgrade()
  }

  /// Whether there may be another supervisor than when it was asked for.
  func supervisorMayBeAnother(since asked: Int64) -> Bool {
    supervisorMayHaveDied(since: asked) || lastUpgrade.withLock { $0 >= asked }
  }

  /// Whether a supervisor died that may have known of what was asked for at `asked`.
  func supervisorMayHaveDied(since asked: Int64) -> Bool {
    deaths.withLock { deaths in deaths.contains { $0.end >= asked } }
  }

  /// The supervisor's death that a job may be lost with.
  func death(before finished: Int64) -> Death? {
    deaths.withLock { deaths in deaths.last { $0.begin <= finished } }
  }

  /// Whether only the connection failed, which is to be tried again. It never fails for want of somebody who listens.
  func isTransient(_ error: ClientError) -> Bool {
    if case .connect(let text) = error, text.contains("Connection refused") { verdict.violation(text) }
    return error.isTransient
  }

  /// Each launched job appends its tag to the file of its thread: launches are counted outside of jobd.
  func launches(_ thread: Int) -> String { "\(directory)/launches-\(thread)" }

  /// Names of the files of jobs' output.
  var outputFiles: [String] {
    Files.list("\(state)/output").flatMap { Files.list("\(state)/output/\($0)") }
  }

  /// Found in the environment of each process of each job of this run.
  var mark: (name: String, value: String) { ("SOAK_RUN", directory) }

  func settings(_ client: String) -> ConnectionSettings {
    ConnectionSettings(
      host: "127.0.0.1", port: port, authorityFile: "\(pki)/ca.crt", certificateFile: "\(pki)/\(client).crt",
      keyFile: "\(pki)/\(client).key")
  }

  func jobctlEnvironment(_ client: String) -> [String: String] {
    [
      "JOBCTL_SERVER": "127.0.0.1:\(port)", "JOBCTL_CA": "\(pki)/ca.crt",
      "JOBCTL_CERT": "\(pki)/\(client).crt", "JOBCTL_KEY": "\(pki)/\(client).key",
      "JOBCTL_CONFIG": "\(directory)/jobctl.json",
    ]
  }
}

/// When a supervisor was taken away, in microseconds since 1970: when its death was begun, and when it was seen.
struct Death {
  let begin = now()
  var end = Int64.max

  static func now() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
  }
}

/// What was found wrong, said as soon as it is found. Any thread.
final class Verdict: Sendable {
  private let found = Mutex<[String]>([])
  private let bad = Atomic(false)
  /// More of the same helps nobody.
  private static let mostPrinted = 50

  var isBad: Bool { bad.load(ordering: .relaxed) }
  var violations: Int { found.withLock { $0.count } }

  func violation(_ text: String) {
    bad.store(true, ordering: .relaxed)
    let count = found.withLock { found in
      found.append(text)
      return found.count
    }
    if count <= Self.mostPrinted { say("VIOLATION: \(text)") }
  }
}

/// What was done. Any thread.
final class Counters: Sendable {
  enum Kind: String, CaseIterable {
    case created, batched, unanswered, finished, adopted, lost, deleted
    case givenUp = "given up for uncertain input"
    case keyedRetries = "retries by key"
    case reconnects
    case fed = "stdin bytes"
    case followed = "followed bytes"
    case runs = "jobctl runs"
    case answeredRuns = "run requests answered"
    case removedRuns = "of them with rm"
    case events
  }

  private let values = Mutex<[Kind: Int]>([:])
  private let ages = Mutex<[Int64]>([])

  /// A job was lost with a supervisor that was taken away so many microseconds after the job's start.
  func noteLoss(_ age: Int64) { ages.withLock { $0.append(age) } }

  var report: String {
    let counts = Kind.allCases.map { "\($0.rawValue) \(self[$0])" }.joined(separator: ", ")
    let oldest = ages.withLock { $0 }.sorted().suffix(5).map { "\($0 / 1000)" }.joined(separator: ", ")
    return "\(counts)\nthe oldest jobs that were lost had run for [\(oldest)] ms"
  }

  func add(_ kind: Kind, _ amount: Int = 1) { values.withLock { $0[kind, default: 0] += amount } }
  subscript(kind: Kind) -> Int { values.withLock { $0[kind] ?? 0 } }
  /// Jobs the daemon was asked for and said yes to.
  var jobs: Int { self[.created] + self[.batched] }
}

/// A fact that must not be.
struct Violation: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// A line on standard output, at once.
func say(_ text: String) {
  let line = Array("\(text)\n".utf8)
  _ = write(STDOUT_FILENO, line, line.count)
}

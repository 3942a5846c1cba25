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
  /// The address of the daemon and the directory of certificates.
  private let port: UInt16
  private let pki: String

  /// Clients go on until this is set.
  private let isOver = Atomic(false)
  private let crashesBegun = Atomic(0)
  private let crashesOver = Atomic(0)

  init(_ daemon: Daemon) throws {
    directory = daemon.scratch.path
    port = UInt16(daemon.port)
    pki = daemon.pki.directory
    script = "\(directory)/job.sh"
    try Files.write(Array(Plan.script.utf8), to: script, mode: 0o644)
  }

  var mustStop: Bool { isOver.load(ordering: .relaxed) || verdict.isBad }
  func stop() { isOver.store(true, ordering: .relaxed) }

  /// Supervisors that are dead: what is created from now on was not lost with them.
  var crashes: Int { crashesOver.load(ordering: .acquiring) }

  /// Whether a supervisor may have died since there were `before` crashes: what ran then may be lost.
  func mayHaveCrashed(since before: Int) -> Bool { crashesBegun.load(ordering: .acquiring) > before }

  /// Kills a supervisor by `kill`.
  func crash(_ kill: () -> Void) {
    crashesBegun.add(1, ordering: .acquiringAndReleasing)
    kill()
    crashesOver.add(1, ordering: .acquiringAndReleasing)
  }

  /// Each launched job appends its tag to the file of its thread: launches are counted outside of jobd.
  func launches(_ thread: Int) -> String { "\(directory)/launches-\(thread)" }

  /// Found in the environment of each process of each job of this run.
  var mark: (name: String, value: String) { ("SOAK_RUN", directory) }

  func settings(_ client: String) -> ConnectionSettings {
    ConnectionSettings(
      host: "localhost", port: port, authorityFile: "\(pki)/ca.crt", certificateFile: "\(pki)/\(client).crt",
      keyFile: "\(pki)/\(client).key")
  }

  func jobctlEnvironment(_ client: String) -> [String: String] {
    [
      "JOBCTL_SERVER": "localhost:\(port)", "JOBCTL_CA": "\(pki)/ca.crt",
      "JOBCTL_CERT": "\(pki)/\(client).crt", "JOBCTL_KEY": "\(pki)/\(client).key",
      "JOBCTL_CONFIG": "\(directory)/jobctl.json",
    ]
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
    case created, batched, unanswered, finished, lost, deleted
    case keyedRetries = "retries by key"
    case reconnects
    case fed = "stdin bytes"
    case followed = "followed bytes"
    case runs = "jobctl runs"
    case events
  }

  private let values = Mutex<[Kind: Int]>([:])

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

import Glibc
import Harness
import JobAPI
import JobClient
import Synchronization

/// Asks all the time for the status of a job that ended, and measures for how long nobody answers. Two threads: one
/// keeps its connection, the other makes a new one for each question.
final class Prober: Sendable {
  private let context: Context
  private let job: JobID
  private let expected: StatusReply

  private struct State {
    var cause: Disturbance?
    var gaps: [Key: [Double]] = [:]
    var answers = 0
  }

  /// Gaps are kept by what was done last before.
  private struct Key: Hashable {
    let cause: Disturbance?
    let isAfresh: Bool

    var text: String { "\(cause?.rawValue ?? "nothing")\(isAfresh ? ", by new connections" : "")" }
  }

  private let state = Mutex(State())
  /// Microseconds between two questions.
  private static let pause: UInt32 = 4000
  private static let patience = 60.0
  /// Seconds: a new connection waits in its listener, where nobody serves.
  private static let longWait = 0.05

  static let client = "prober"

  /// `job`: one that ended as `expected`.
  init(_ context: Context, _ job: JobID, _ expected: StatusReply) {
    (self.context, self.job, self.expected) = (context, job, expected)
  }

  /// What comes next may take the answers away.
  func expect(_ cause: Disturbance) { state.withLock { $0.cause = cause } }

  func run(afresh: Bool) {
    var settings = context.settings(Self.client)
    settings.replyTimeout = UInt32(Self.patience * 1000)
    var connection: Connection?
    var lastAnswer = Poll.now()
    var isGap = false
    while !context.mustStop {
      do {
        let open = try connection ?? Connection(settings)
        connection = afresh ? nil : open
        try ask(open)
        let waited = Poll.now() - lastAnswer
        if isGap || afresh && waited > Self.longWait { noteGap(waited, afresh) }
        (isGap, lastAnswer) = (false, Poll.now())
        state.withLock { $0.answers += 1 }
        usleep(Self.pause)
      } catch {
        (connection, isGap) = (nil, true)
        check(error, since: lastAnswer)
        usleep(1000)
      }
    }
  }

  private func ask(_ connection: Connection) throws {
    try connection.send("GET", Route.status.target(job))
    let status = try connection.reply()
    let body = try connection.readAll()
    let expected = #"{"status":"completed","exit_code":7,"ended_by":"exit"}"#
    guard status == 200, body.elementsEqual(expected.utf8) else {
      throw Violation(
        "job \(job) ended with 7 and is now: \(status) \(String(decoding: body, as: UTF8.self))")
    }
  }

  private func check(_ error: any Error, since: Double) {
    if let error = error as? ClientError, context.isTransient(error) {
      guard Poll.now() - since > Self.patience else { return }
    }
    context.verdict.violation("prober: \(error)")
  }

  private func noteGap(_ seconds: Double, _ isAfresh: Bool) {
    state.withLock { state in
      state.gaps[Key(cause: state.cause, isAfresh: isAfresh), default: []].append(seconds)
    }
  }

  /// A line for each kind of disturbance.
  var report: [String] {
    state.withLock { state in
      state.gaps.map { key, gaps in
        let sorted = gaps.sorted()
        func quantile(_ share: Double) -> String {
          "\(Int((sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))] * 1000).rounded())) ms"
        }
        return "without an answer after \(key.text): \(sorted.count) times, "
          + "median \(quantile(0.5)), p99 \(quantile(0.99)), longest \(quantile(1))"
      }.sorted() + ["the prober had \(state.answers) answers"]
    }
  }
}

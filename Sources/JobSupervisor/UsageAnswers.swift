import JobAPI
import JobLoop
import JobModel
import Platform

/// Answers what running jobs use: a few jobs a turn of the loop, so that launches and output do not wait for a thousand of
/// them, and the requests in turn. Supervisor's thread only.
final class UsageAnswers {
  private struct Request {
    let caller: Caller
    let client: Int64
    var left: ArraySlice<JobID>
    var found: [JobUsage] = []
  }

  private let usage: (JobID, Int64) -> JobUsage?
  private let answer: (Caller, [JobUsage]) -> Void
  private var timer: LoopTimer!
  private var requests: [Request] = []

  /// Jobs a turn: each is two files of /proc to read.
  private static let turn = 32

  /// `usage`: of a job that runs and is this client's.
  init(
    _ loop: EventLoop, usage: @escaping (JobID, Int64) -> JobUsage?,
    answer: @escaping (Caller, [JobUsage]) -> Void
  ) throws(SystemError) {
    (self.usage, self.answer) = (usage, answer)
    timer = try LoopTimer(loop) { [unowned self] in self.takeTurn() }
  }

  func add(_ ids: [JobID], of client: Int64, _ caller: Caller) {
    requests.append(Request(caller: caller, client: client, left: ids[...]))
    if requests.count == 1 { takeTurn() }
  }

  private func takeTurn() {
    var request = requests.removeFirst()
    let ids = request.left.prefix(Self.turn)
    request.left = request.left.dropFirst(ids.count)
    request.found += ids.compactMap { usage($0, request.client) }
    if request.left.isEmpty {
      answer(request.caller, request.found)
    } else {
      requests.append(request)
    }
    if !requests.isEmpty { timer.start(milliseconds: 0) }
  }
}

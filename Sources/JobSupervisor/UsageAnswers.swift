import JobAPI
import JobLoop
import JobModel
import Platform

/// Answers what running jobs use: a few processes a turn of the loop, so that launches and output do not wait for thousands
/// of them, and the requests in turn. Supervisor's thread only.
final class UsageAnswers {
  private struct Request {
    let caller: Caller
    var left: ArraySlice<JobID>
    var found: [JobUsage] = []
  }

  typealias Look = (JobID) -> (usage: JobUsage, cost: Int)?
  private let look: Look
  private let answer: (Caller, [JobUsage]) -> Void
  private var timer: LoopTimer!
  private var requests: [Request] = []

  /// Processes looked at in a turn, but for those of its last job. A job itself counts as one.
  private static let turn = 64

  /// `look`: what a job uses that runs, and for how many processes that was found out.
  init(
    _ loop: EventLoop, look: @escaping Look, answer: @escaping (Caller, [JobUsage]) -> Void
  ) throws(SystemError) {
    (self.look, self.answer) = (look, answer)
    timer = try LoopTimer(loop) { [unowned self] in self.takeTurn() }
  }

  func add(_ ids: [JobID], _ caller: Caller) {
    requests.append(Request(caller: caller, left: ids[...]))
    if requests.count == 1 { timer.start(milliseconds: 0) }
  }

  private func takeTurn() {
    var request = requests.removeFirst()
    var cost = 0
    while cost < Self.turn, let id = request.left.popFirst() {
      let found = look(id)
      cost += 1 + (found?.cost ?? 0)
      if let found { request.found.append(found.usage) }
    }
    if request.left.isEmpty {
      answer(request.caller, request.found)
    } else {
      requests.append(request)
    }
    if !requests.isEmpty { timer.start(milliseconds: 0) }
  }
}

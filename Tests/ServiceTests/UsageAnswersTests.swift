import JobAPI
import JobLoop
import Testing

@testable import JobModel
@testable import JobSupervisor

struct UsageAnswersTests {
  private func ids(_ count: Int, from first: UInt64) -> [JobID] {
    (0..<UInt64(count)).map { JobID(high: 1, low: first + $0) }
  }

  /// A thousand jobs keep nobody waiting who asks for one.
  @Test func requestsTakeTurns() throws {
    let loop = try EventLoop()
    var (looked, order) = (0, [UInt64]())
    var found: [UInt64: [JobUsage]] = [:]
    var lookedForFirst = 0
    let answers = try UsageAnswers(loop) { id in
      looked += 1
      return (JobUsage(id: id, userTime: 1, systemTime: 2), 1)
    } answer: { caller, usage in
      if order.isEmpty { lookedForFirst = looked }
      order.append(caller.ticket)
      found[caller.ticket] = usage
    }
    let many = ids(1000, from: 0)
    answers.add(many, Caller(child: 1, ticket: 1))
    try loop.step(wait: true)
    #expect(looked < 100 && order.isEmpty, "a turn is bounded")
    answers.add(ids(1, from: 5000), Caller(child: 1, ticket: 2))
    answers.add([], Caller(child: 1, ticket: 3))
    while order.count < 3 { try loop.step(wait: true) }
    #expect(order == [2, 3, 1] && lookedForFirst < 200)
    #expect(found[1]?.map(\.id) == many && found[2]?.count == 1 && found[3]?.isEmpty == true)
  }

  @Test func whatDoesNotRunIsLeftOut() throws {
    let loop = try EventLoop()
    var found: [JobUsage]?
    let answers = try UsageAnswers(loop) { id in
      id.low % 2 == 0 ? (JobUsage(id: id, userTime: 1, systemTime: 2), 500) : nil
    } answer: {
      found = $1
    }
    answers.add(ids(4, from: 0), Caller(child: 1, ticket: 1))
    while found == nil { try loop.step(wait: true) }
    #expect(found?.map(\.id.low) == [0, 2])
  }
}

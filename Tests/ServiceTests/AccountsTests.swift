import Glibc
import JobAPI
import Testing

@testable import JobLoop
@testable import JobModel
@testable import JobSupervisor

/// A look-up may take any time: whoever asks goes on.
struct AccountsTests {
  private func plan(user: String? = nil, group: String? = nil) -> JobPlan {
    var request = CreateRequest(cmd: "true")
    (request.user, request.group) = (user, group)
    return JobPlan(request)
  }

  @Test func lookUpsAreAnsweredLaterAndKept() throws {
    let loop = try EventLoop()
    let accounts = Accounts(loop)
    var answers: [Accounts.Answer] = []
    accounts.find(plan()) { answers.append($0) }
    #expect(answers.count == 1, "whoever names nobody waits for nothing")
    for _ in 0..<3 { accounts.find(plan(user: "nobody")) { answers.append($0) } }
    #expect(answers.count == 1)
    while answers.count < 4 { try loop.step(wait: true) }
    for answer in answers.dropFirst() { #expect(try answer.get()?.account.name == "nobody") }
    accounts.find(plan(user: "nobody")) { answers.append($0) }
    #expect(answers.count == 5, "it is known now")
    accounts.find(plan(user: "nobody", group: "no such group")) { answers.append($0) }
    while answers.count < 6 { try loop.step(wait: true) }
    guard case .failure(let refusal) = answers[5] else { return #expect(Bool(false), "it was found") }
    #expect(refusal.reason == .invalid && refusal.text.contains("no such group"))
  }

  @Test func noMoreThanAFewAreUnderWay() throws {
    let loop = try EventLoop()
    let accounts = Accounts(loop)
    var answers: [Accounts.Answer] = []
    for number in 0..<20 { accounts.find(plan(user: "nobody", group: "\(number)")) { answers.append($0) } }
    #expect(answers.count == 4)
    for case .failure(let refusal) in answers { #expect(refusal.reason == .unavailable) }
    while answers.count < 20 { try loop.step(wait: true) }
  }

  @Test func aGroupThatIsNotTheUsersIsTold() throws {
    func instead(_ user: String?, _ group: String?) throws -> [String]? {
      try Accounts.lookUp(plan(user: user, group: group)).get()?.groupsInstead
    }
    #expect(try instead("nobody", nil) == nil)
    #expect(try instead("nobody", "nogroup") == nil)
    #expect(try instead("nobody", "daemon") == ["nogroup"])
  }
}

import JobAPI
import JobModel
import Testing

@testable import JobService

/// What a creation asks of the supervisor, by what the client has as its default.
struct CreatorTests {
  private func request(_ runner: String?) -> CreateRequest {
    var request = CreateRequest(cmd: "true")
    request.runner = runner
    return request
  }

  private func creation(_ runner: String?, default standard: String?) -> ApiRequest.Creation {
    Creator(key: "k", defaults: .init(runner: standard)).creation(request(runner))
  }

  @Test(
    arguments: [
      (nil, nil, nil), (nil, "sandbox", "sandbox"), ("cluster", "sandbox", "cluster"),
      ("none", "sandbox", nil), ("none", nil, nil), (nil, "none", nil), ("cluster", nil, "cluster"),
    ] as [(String?, String?, String?)])
  func theRunnerIsTheOneAskedForElseTheDefault(asked: String?, standard: String?, runner: String?) {
    let creation = creation(asked, default: standard)
    #expect(creation.plan.runner == runner)
    #expect(creation.plan == JobPlan(request(runner)))
  }

  @Test(
    arguments: [
      (nil, nil, nil), (nil, "build", "build"), ("deploy", "build", "deploy"), ("deploy", nil, "deploy"),
    ] as [(String?, String?, String?)])
  func theUserIsTheOneAskedForElseTheDefault(asked: String?, standard: String?, user: String?) {
    var request = request("sandbox")
    request.user = asked
    let creation = Creator(key: "k", defaults: .init(user: standard)).creation(request)
    #expect(creation.plan.user == user && creation.plan.runner == "sandbox")
    #expect(
      creation.idempotency?.digest
        == Creator(key: "k", defaults: .init()).creation(request).idempotency?.digest)
  }

  /// A retry may come when the default is another.
  @Test func theDigestIsOfWhatWasAskedFor() {
    func digest(_ runner: String?, _ standard: String?) -> [UInt8]? {
      creation(runner, default: standard).idempotency?.digest
    }
    #expect(digest(nil, nil) == digest(nil, "sandbox"))
    #expect(digest("none", "sandbox") == digest("none", nil))
    #expect(Set([digest(nil, nil), digest("none", nil), digest("sandbox", nil)]).count == 3)
  }

  @Test func eachJobOfABatchHasAKeyOfItsOwnAndTheDefault() throws {
    let creator = Creator(key: "k", defaults: .init(runner: "sandbox")).forJob(7)
    let creation = creator.creation(request(nil))
    #expect(creation.idempotency?.key == "k\n7" && creation.plan.runner == "sandbox")
    let run = try creator.run(RunRequest(request(nil))).get()
    #expect(run == creation)
    #expect(Creator(key: nil, defaults: .init()).forJob(7).creation(request(nil)).idempotency == nil)
  }
}

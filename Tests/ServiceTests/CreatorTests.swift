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
    Creator(key: "k", defaults: .init(runner: standard), trace: nil).creation(request(runner))
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
    let creation = Creator(key: "k", defaults: .init(user: standard), trace: nil).creation(request)
    #expect(creation.plan.user == user && creation.plan.runner == "sandbox")
    #expect(
      creation.idempotency?.digest
        == Creator(key: "k", defaults: .init(), trace: nil).creation(request).idempotency?.digest)
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
    let creator = Creator(key: "k", defaults: .init(runner: "sandbox"), trace: nil).forJob(7)
    let creation = creator.creation(request(nil))
    #expect(creation.idempotency?.key == "k\n7" && creation.plan.runner == "sandbox")
    let run = try creator.run(RunRequest(request(nil))).get()
    #expect(run == creation)
    #expect(
      Creator(key: nil, defaults: .init(), trace: nil).forJob(7).creation(request(nil)).idempotency == nil)
  }

  /// A retry is another span of the same trace, or of another.
  @Test func theTraceIsInThePlanAndNotInTheDigest() throws {
    let trace = try #require(Traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"))
    let traced = Creator(key: "k", defaults: .init(runner: "sandbox"), trace: trace).creation(request(nil))
    #expect(traced.plan.traceparent == trace && traced.plan.runner == "sandbox")
    #expect(traced.idempotency == creation(nil, default: nil).idempotency)
  }

  @Test func theDigestIsOfSecretsToo() {
    func idempotency(_ secrets: [String: String]?) -> ApiRequest.Idempotency? {
      var request = request(nil)
      request.secretEnv = secrets
      return Creator(key: "k", defaults: .init(), trace: nil).creation(request).idempotency
    }
    let all = [nil, ["A": "1"], ["A": "2"], ["B": "1"], ["A": "1", "B": "1"]].map(idempotency)
    #expect(Set(all.map { $0?.digest }).count == all.count)
    #expect(idempotency(["A": "1"]) == idempotency(["A": "1"]))
    #expect(idempotency([:]) == idempotency(nil))
    // A digest of an earlier version, which knew of no secrets, is not that of such a request.
    #expect(all[0]?.earlier.count == 1 && all[1...].allSatisfy { $0?.earlier == [] })
  }

  @Test func secretsAreBesideThePlan() throws {
    var request = request(nil)
    request.secretEnv = ["A": "canary"]
    let creation = Creator(key: nil, defaults: .init(), trace: nil).creation(request)
    #expect(creation.plan == JobPlan(self.request(nil)))
    let secrets = try #require(creation.secrets).withUnsafeBytes { try Secrets(checking: $0) }
    #expect(secrets.variables == ["A": "canary"])
  }
}

import JobAPI
import Testing

@testable import JobModel

@Suite struct SecretsTests {
  private func secrets(_ variables: [String: String]) throws -> Secrets {
    var request = CreateRequest(cmd: "true")
    request.secretEnv = variables
    return try #require(Secrets(request))
  }

  private func read(_ bytes: [UInt8]) throws -> Secrets {
    try bytes.withUnsafeBytes { try Secrets(checking: $0) }
  }

  @Test func theyAreReadAsWritten() throws {
    let secrets = try secrets(["TOKEN": "a=b\n", "Ü": "", "A": "ü"])
    #expect(try read(secrets.encode()) == secrets)
    #expect(Secrets(CreateRequest(cmd: "true")) == nil)
  }

  @Test func whatNoRequestMayContainIsRefused() {
    func encoded(_ pairs: [(String, String)]) -> [UInt8] {
      var writer = ByteWriter()
      for (name, value) in pairs { writer.put(name, value) }
      return writer.bytes
    }
    let wrong = [
      [], [("", "a")], [("A=", "a")], [("A\0", "a")], [("A", "a\0b")], [("A", "1"), ("A", "2")],
      (0...CreateRequest.Limits.env).map { ("\($0)", "") },
    ]
    for pairs in wrong { #expect(throws: MalformedBytes.self) { try read(encoded(pairs)) } }
    let whole = encoded([("A", "1"), ("B", "2")])
    for length in 1..<whole.count where length != encoded([("A", "1")]).count {
      #expect(throws: MalformedBytes.self) { try read(Array(whole.prefix(length))) }
    }
  }

  @Test func whatIsExecutedHasThem() throws {
    var request = CreateRequest(cmd: "sh", args: ["-c", "true"])
    (request.env, request.stdinOpen, request.cwd) = (["A": "1", "C": "3"], true, "/tmp")
    let trace = Traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00")
    let plan = JobPlan(request, trace).with(try secrets(["B": "2"]))
    request.env = ["A": "1", "B": "2", "C": "3"]
    #expect(plan == JobPlan(request, trace))
  }
}

@Suite struct PlanTraceTests {
  private let trace = Traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")!

  private func environment(_ env: [String: String]?) -> [String] {
    var request = CreateRequest(cmd: "true")
    request.env = env
    return JobPlan(request, trace).environmentWithTrace.map { "\($0.name)=\($0.value)" }
  }

  @Test func itIsPartOfThePlanAndNotOfTheRequest() throws {
    let request = CreateRequest(cmd: "true")
    let plan = JobPlan(request, trace)
    #expect(plan.traceparent == trace && plan.visibleRequest == request && plan.environment.isEmpty)
    #expect(try plan.bytes.withUnsafeBytes { try JobPlan(checking: $0) } == plan)
    #expect(JobPlan(request).traceparent == nil)
  }

  @Test func theRequestsOwnVariableWins() {
    #expect(environment(nil) == ["TRACEPARENT=\(trace.text)"])
    #expect(environment(["A": "1"]) == ["A=1", "TRACEPARENT=\(trace.text)"])
    #expect(environment(["TRACEPARENT": "mine"]) == ["TRACEPARENT=mine"])
  }

  /// The bytes come from a process that is not trusted.
  @Test func nothingElseIsTakenForIt() {
    let bytes = JobPlan(CreateRequest(cmd: "true"), trace).bytes
    let start = bytes.count - trace.text.utf8.count - 1
    for (at, byte) in [(start, "1"), (start + 3, "A"), (start - 1, "-"), (start - 2, "S")] {
      var changed = bytes
      changed[at] = Array(byte.utf8)[0]
      #expect(throws: MalformedBytes.self) { try changed.withUnsafeBytes { try JobPlan(checking: $0) } }
    }
  }
}

import Harness
import JobAPI
import Testing

@testable import JobModel
@testable import JobSupervisor
@testable import Platform

@Suite struct JobPolicyTests {
  private func plan(
    memory: Int64? = nil, cpus: Double? = nil, processes: Int64? = nil, output: Int64? = nil
  ) -> JobPlan {
    var request = CreateRequest(cmd: "true")
    request.limits = JobLimits(memory: memory.map(SizeText.init), cpus: cpus, processes: processes)
    request.outputLimit = output
    return JobPlan(request)
  }

  private func settings(_ change: (inout ClientSettings) -> Void) -> ClientSettings {
    var settings = ClientSettings()
    change(&settings)
    return settings
  }

  @Test func withoutSettingsThereIsNoLimit() {
    #expect(JobPolicy.limits(of: plan(), settings: ClientSettings()) == (0, 0, 0))
    let asked = plan(memory: 1 << 50, cpus: 4096, processes: 1 << 22)
    #expect(JobPolicy.refusal(of: asked, settings: ClientSettings()) == nil)
    #expect(JobPolicy.limits(of: asked, settings: ClientSettings()) == (1 << 50, 4_096_000, 1 << 22))
  }

  @Test func whatIsNotAskedForIsTheDefaultAndElseTheMost() {
    let standard = settings {
      ($0.defaultMemory, $0.defaultCPUMilli, $0.defaultProcesses) = (5 << 20, 500, 9)
    }
    #expect(JobPolicy.limits(of: plan(), settings: standard) == (5 << 20, 500, 9))
    #expect(JobPolicy.limits(of: plan(cpus: 2), settings: standard) == (5 << 20, 2000, 9))
    let most = settings { ($0.maxMemory, $0.maxCPUMilli, $0.maxProcesses) = (5 << 20, 500, 9) }
    #expect(JobPolicy.limits(of: plan(), settings: most) == (5 << 20, 500, 9))
    #expect(JobPolicy.limits(of: plan(processes: 3), settings: most) == (5 << 20, 500, 3))
    let both = settings {
      ($0.maxMemory, $0.defaultMemory, $0.maxProcesses, $0.defaultProcesses) = (9, 4, 4, 9)
    }
    #expect(JobPolicy.limits(of: plan(), settings: both) == (4, 0, 4))
  }

  @Test func moreThanTheMostIsRefusedWithIt() {
    let most = settings { ($0.maxMemory, $0.maxCPUMilli, $0.maxProcesses) = (2 << 30, 500, 9) }
    func text(_ plan: JobPlan) -> String? { JobPolicy.refusal(of: plan, settings: most)?.text }
    #expect(text(plan(memory: 2 << 30, cpus: 0.5, processes: 9)) == nil)
    #expect(text(plan(memory: (2 << 30) + 1)) == "limits: memory is at most 2GiB for you")
    #expect(text(plan(cpus: 0.51)) == "limits: cpus is at most 0.5 for you")
    #expect(text(plan(processes: 10)) == "limits: processes is at most 9 for you")
    #expect(JobPolicy.refusal(of: plan(processes: 10), settings: most)?.reason == .invalid)
  }

  @Test func outputIsAtMostWhatTheClientMayStore() {
    let few = settings { ($0.storedBytes, $0.outputLimit) = (100, 10) }
    #expect(JobPolicy.refusal(of: plan(output: 100), settings: few) == nil)
    #expect(
      JobPolicy.refusal(of: plan(output: 101), settings: few)?.text
        == "output_limit: at most 100, the bytes that a client may store")
  }

  private static func runners(_ text: String) throws -> RunnerMap {
    try ConfigurationFixture().load("{ runners: \(text) }").configuration.runners
  }

  private func refusal(
    _ runners: RunnerMap, _ settings: ClientSettings = ClientSettings(),
    _ change: (inout CreateRequest) -> Void
  ) -> String? {
    var request = CreateRequest(cmd: "true")
    change(&request)
    do throws(Refusal) {
      let runner = try JobPolicy.runner(
        of: JobPlan(request), Secrets(request), settings: settings, runners: runners)
      #expect(runner?.name == request.runner)
      return nil
    } catch {
      #expect(error.reason == .invalid)
      return error.text
    }
  }

  @Test func aRunnerIsOneOfTheClients() throws {
    let runners = try Self.runners("{ a: { command: ['x'] }, b: { command: ['x'] } }")
    #expect(refusal(runners) { $0.runner = "a" } == nil && refusal(runners) { _ in } == nil)
    #expect(refusal(runners) { $0.runner = "c" } == "runner: yours are a, b, none, and not \"c\"")
    let few = settings { $0.runners = ["a"] }
    #expect(refusal(runners, few) { $0.runner = "b" } == "runner: yours are a, and not \"b\"")
    #expect(refusal(runners, few) { _ in } == "runner: yours are a, and not none")
  }

  @Test func whatARunnerHasNoPlaceForIsRefused() throws {
    let runners = try Self.runners("{ a: { command: ['x'] }, b: { command: ['x', '{env}', '{cwd}'] } }")
    func said(_ runner: String, _ change: (inout CreateRequest) -> Void) -> String? {
      refusal(runners) {
        $0.runner = runner
        change(&$0)
      }
    }
    #expect(said("a") { $0.cwd = "/" } == "cwd: the runner \"a\" takes no working directory")
    #expect(said("a") { $0.env = ["A": "b"] } == "env: the runner \"a\" takes no environment")
    #expect(said("b") { ($0.cwd, $0.env) = ("/", ["A": "b"]) } == nil)
    #expect(
      said("a") { $0.cmd = "--bind" }
        == "cmd: the runner \"a\" starts no program whose name begins with '-'")
    #expect(
      said("b") { $0.cmd = "a=b" } == "cmd: the runner \"b\" starts no program with '=' in its name")
  }

  @Test func aSecretIsOneThatTheRunnersEntryAllows() throws {
    let runners = try Self.runners(
      "{ a: { command: ['x', '{env}'] }, b: { command: ['x'], secrets: ['TOKEN', 'AWS_*'] } }")
    func said(_ runner: String?, _ names: String...) -> String? {
      refusal(runners) {
        $0.runner = runner
        $0.secretEnv = Dictionary(uniqueKeysWithValues: names.map { ($0, "") })
      }
    }
    #expect(said(nil, "LD_PRELOAD") == nil && said("a") == nil)
    #expect(said("b", "TOKEN", "AWS_SECRET_ACCESS_KEY") == nil)
    #expect(
      said("a", "TOKEN")
        == "secret_env: the runner \"a\" takes no secret \"TOKEN\"; those that it takes: none")
    #expect(
      said("b", "TOKEN", "LD_PRELOAD")
        == "secret_env: the runner \"b\" takes no secret \"LD_PRELOAD\"; those that it takes: TOKEN, AWS_*")
  }

  /// exec sees bytes, not characters.
  @Test func whatLooksLikeAnOptionIsRefusedByItsBytes() throws {
    let runners = try Self.runners("{ a: { command: ['x'] } }")
    for command in ["-\u{301}x", "A=\u{301}"] {
      let said = refusal(runners) { ($0.runner, $0.cmd) = ("a", command) }
      #expect(said?.hasPrefix("cmd: the runner") == true)
    }
  }

  @Test func aLimitIsOneThatTheRunnerEnforces() throws {
    let runners = try Self.runners(
      "{ a: { command: ['x'], limits: 'runner' }, b: { command: ['x', '{cpus}', '{memory_mib}'], limits: 'runner' } }"
    )
    let (a, b) = try (#require(runners["a"]), #require(runners["b"]))
    #expect(JobPolicy.refusal(of: (0, 0, 0), runner: a) == nil)
    #expect(
      JobPolicy.refusal(of: (1, 0, 0), runner: a)?.text
        == "limits: the runner \"a\" cannot limit memory: it limits nothing")
    #expect(JobPolicy.refusal(of: (1, 1, 0), runner: b) == nil)
    #expect(
      JobPolicy.refusal(of: (0, 0, 1), runner: b)?.text
        == "limits: the runner \"b\" cannot limit processes: it limits cpus and memory")
  }

  @Test func valuesAreRoundedUp() {
    var request = CreateRequest(cmd: "true")
    (request.timeout, request.cwd) = (DurationText("61s"), "/a")
    let id = JobID(high: 1, low: 2)
    let values = RunnerValues(id, "alice", JobPlan(request), ((1 << 20) + 1, 1500, 7))
    #expect(values.text(.memoryMiB) == "2" && values.text(.memoryBytes) == "\((1 << 20) + 1)")
    #expect(values.text(.cpus) == "2" && values.text(.cpusExact) == "1.5" && values.text(.processes) == "7")
    #expect(values.text(.timeoutMinutes) == "2" && values.text(.timeoutSeconds) == "61")
    #expect(values.text(.id) == "\(id)" && values.text(.client) == "alice" && values.text(.cwd) == "/a")
    #expect(values.text(.user) == nil && values.text(.signal) == nil)
    let none = RunnerValues(id, "alice", JobPlan(CreateRequest(cmd: "true")))
    #expect(none.text(.memoryMiB) == nil && none.text(.cpus) == nil && none.text(.timeoutMinutes) == nil)
  }

  private func refusal(_ user: String?, _ group: String? = nil, of users: [String]?) -> String? {
    var request = CreateRequest(cmd: "true")
    (request.user, request.group) = (user, group)
    let found = try? Accounts.lookUp(JobPlan(request)).get()
    let refusal = JobPolicy.refusal(as: found, settings: settings { $0.users = users })
    #expect(refusal == nil || refusal?.reason == .forbidden)
    return refusal?.text
  }

  @Test func aUserIsOneOfTheClientsByNameOrNumber() {
    for user in ["nobody", "65534", "root", nil] { #expect(refusal(user, of: nil) == nil) }
    for users in [["nobody"], ["65534"], ["root", "nobody"]] {
      #expect(refusal("nobody", of: users) == nil && refusal("65534", of: users) == nil)
    }
    #expect(refusal("root", of: ["nobody"]) == "user: yours are nobody, and not \"root\"")
    #expect(refusal("0", of: ["daemon", "nobody"]) == "user: yours are daemon, nobody, and not \"root\"")
  }

  /// Its plan is one of an api process that is not to be trusted, or of the time before.
  @Test func whoNamesNobodyRunsAsTheDaemonsUser() {
    let own = Account.own
    #expect(refusal(nil, of: ["no such user"]) == "user: yours are no such user, and not \"\(own.name)\"")
    #expect(refusal(nil, of: [own.name]) == nil && refusal(nil, of: ["\(own.user)"]) == nil)
  }

  @Test func aGroupIsOneOfTheUsers() {
    #expect(refusal("nobody", "nogroup", of: ["nobody"]) == nil)
    #expect(refusal("nobody", "daemon", of: nil) == nil)
    #expect(
      refusal("nobody", "daemon", of: ["nobody"]) == "group: those of the user \"nobody\" are nogroup")
  }
}

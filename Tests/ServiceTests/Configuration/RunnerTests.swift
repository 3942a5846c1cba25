import Harness
import Testing

@testable import JobModel
@testable import Platform

/// `runners` of the configuration file, and the commands in it.
@Suite struct RunnerTests {
  private let fixture: ConfigurationFixture

  init() throws { fixture = try ConfigurationFixture() }

  private static let cluster = """
    cluster: {
      command: ["srun", "--job-name={id}", ["--chdir={cwd}"], ["--mem={memory_mib}"], ["-c", "{cpus}"], "--", "{env}"],
      limits: "runner", terminal: ["--pty"],
      signal: ["scancel", "--full", "--signal={signal}", "--name={id}"],
      cleanup: ["scancel", "--name={id}"], cleaned: ["squeue", "--noheader", "--name={id}"],
      failure_codes: [253], environment: { SLURM_EXIT_ERROR: "253" },
    }
    """

  @Test func whatHasNoValueIsLeftOutWhole() throws {
    let runner = try #require(
      try fixture.load("{runners: {\(Self.cluster)}}").configuration.runners["cluster"])
    let all: [CommandTemplate.Placeholder: String] = [.id: "7", .cwd: "/a b", .memoryMiB: "5", .cpus: "2"]
    #expect(
      runner.command.words({ all[$0] }, environment: [("A", "1 2"), ("B", "")])
        == ["srun", "--job-name=7", "--chdir=/a b", "--mem=5", "-c", "2", "--", "env", "--", "A=1 2", "B="])
    #expect(runner.command.words({ $0 == .id ? "7" : nil }) == ["srun", "--job-name=7", "--"])
    #expect(
      runner.signal.words { $0 == .signal ? "TERM" : "7" }
        == ["scancel", "--full", "--signal=TERM", "--name=7"])
    #expect(runner.failureCodes == [253] && runner.environment == ["SLURM_EXIT_ERROR": "253"])
    #expect(runner.limits == .runner && runner.limitNames(local: []) == ["cpus", "memory"])
    #expect(!runner.terminal.isEmpty && !runner.cleanup.isEmpty && !runner.cleaned.isEmpty)
  }

  @Test func whatIsNoPlaceholderStandsForItself() throws {
    let text = "{runners: {a: {command: ['p', '{{.Names}}', '{', '}{', '{}', '{Id}', '{id', 'x{id}y{id}']}}}"
    let command = try #require(try fixture.load(text).configuration.runners["a"]).command
    #expect(
      command.words { _ in "{id}" } == ["p", "{{.Names}}", "{", "}{", "{}", "{Id}", "{id", "x{id}y{id}"])
  }

  @Test(arguments: [
    ("5", "runners must be an object: { name: { command: [\"program\", ...], ... }, ... }"),
    ("{a: 5}", "runners: \"a\" must be an object: { command: [\"program\", ...], ... }"),
    ("{a: {}}", "runners: \"a\" has no command: { command: [\"program\", ...], ... }"),
    (
      "{none: {command: ['x']}}",
      "runners: \"none\": a runner's name must be a name: 1 to 128 letters, digits, '-', '_' or '.', but not \"none\" or \"all\""
    ),
    (
      "{a: {command: 'x'}}",
      "runners: \"a\": command must be an array of texts, and of arrays of texts that are left out together"
    ),
    (
      "{a: {command: [['x']]}}",
      "runners: \"a\": command must begin with a program, which has no placeholder"
    ),
    (
      "{a: {command: ['{id}']}}",
      "runners: \"a\": command must begin with a program, which has no placeholder"
    ),
    (
      "{a: {command: ['x', '{cwdd}']}}",
      "runners: \"a\": command: there is no placeholder {cwdd}, did you mean {cwd}?"
    ),
    (
      "{a: {command: ['x', '{signal}']}}",
      "runners: \"a\": command: {signal} cannot be had here; what can is {id}, {client}, {user}, {group}, {cwd}, {memory_mib}, {memory_bytes}, {cpus}, {cpus_exact}, {processes}, {timeout_seconds}, {timeout_minutes}, {env}"
    ),
    (
      "{a: {command: ['x', '-e{env}']}}",
      "runners: \"a\": command: {env} must be a word of its own, since it becomes several"
    ),
    (
      "{a: {command: ['x', '{memory_mib}']}}",
      "runners: \"a\": {memory_mib} is for limits: \"runner\"; those of \"local\" are enforced by jobd"
    ),
    (
      "{a: {command: ['x'], cleaned: ['y']}}",
      "runners: \"a\": cleaned says what cleanup has done, and there is no cleanup"
    ),
    ("{a: {comand: ['x']}}", "runners: \"a\": there is no member \"comand\", did you mean command?"),
    ("{a: {command: ['x'], limits: 'both'}}", "runners: \"a\": limits must be \"local\" or \"runner\""),
    (
      "{a: {command: ['x'], failure_codes: [0]}}",
      "runners: \"a\": failure_codes must be an array of exit codes from 1 to 255"
    ),
    (
      "{a: {command: ['x'], environment: {JOBD_JOB_ID: 1}}}",
      "runners: \"a\": environment: \"JOBD_JOB_ID\" cannot be set"
    ),
    (
      "{a: {command: ['x'], secrets: 'environment'}}",
      "runners: \"a\": secrets must be an array of names, in which * stands for any text, such as [\"API_TOKEN\", \"AWS_*\"]"
    ),
    (
      "{a: {command: ['x'], secrets: ['TOKEN', 'L*']}}",
      "runners: \"a\": secrets: \"L*\" stands for LD_PRELOAD too, which is the runner's: with it a client could have its own code run in the runner's place"
    ),
    (
      "{a: {command: ['x'], environment: {SLURM_CONF: '/x'}, secrets: ['SLURM_*']}}",
      "runners: \"a\": secrets: \"SLURM_*\" stands for SLURM_CONF too, which is the runner's: with it a client could have its own code run in the runner's place"
    ),
  ])
  func whatIsWrongIsSaid(runners: String, said: String) {
    #expect(fixture.failure("{runners: \(runners)}") == said)
  }

  @Test func theSecretsThatOneTakesAreNamed() throws {
    let text = "{runners: {a: {command: ['x'], secrets: ['TOKEN', 'AWS_*']}, b: {command: ['x']}}}"
    let loader = try fixture.load(text)
    let runner = try #require(loader.configuration.runners["a"])
    #expect(runner.takesSecret("TOKEN") && runner.takesSecret("AWS_KEY"))
    #expect(!runner.takesSecret("TOKENS") && !runner.takesSecret("LD_PRELOAD"))
    #expect(loader.configuration.runners["b"]?.takesSecret("TOKEN") == false)
    #expect(loader.report.contains(#"secrets: ["TOKEN", "AWS_*"]"#))
  }

  @Test func clientsHaveOfThemWhatTheirEntriesSay() throws {
    let configuration = try fixture.load(
      """
      { runners: { a: {command: ["x"]}, b: {command: ["y"]} }, client_runner: "b",
        clients: { "ci-*": { runners: ["a", "none"], runner: "a" }, deploy: { runners: "none", runner: "none" } } }
      """
    ).configuration
    let (ci, deploy, other) = (
      configuration.settings(of: "ci-1"), configuration.settings(of: "deploy"),
      configuration.settings(of: "x")
    )
    #expect(ci.usable(configuration.runners) == ["a", "none"] && ci.runner == "a")
    #expect(ci.mayUse(nil) && ci.mayUse("a") && !ci.mayUse("b"))
    #expect(deploy.usable(configuration.runners) == ["none"] && deploy.runner == nil && !deploy.mayUse("a"))
    #expect(other.usable(configuration.runners) == ["a", "b", "none"] && other.runner == "b")
  }

  @Test func settingsNameRunnersThatThereAre() {
    #expect(
      fixture.failure("{runners: {a: {command: ['x']}}, clients: {c: {runners: ['b']}}}")
        == "clients: \"c\": there is no runner \"b\" in runners; there is a, none")
    #expect(
      fixture.failure("{client_runner: 'b'}")
        == "client_runners, client_runner: there is no runner \"b\" in runners; there is none")
    #expect(
      fixture.failure(
        "{runners: {a: {command: ['x']}}, client_runner: 'a', clients: {c: {runners: ['none']}}}")
        == "clients: \"c\": the runner of those who name none is \"a\", which they may not use")
    #expect(
      fixture.failure("{client_runners: ['a', 'b,c']}")
        == "client_runners: a name has no comma, but one is \"b,c\""
    )
  }

  @Test func theReportIsAConfigurationFile() throws {
    let file =
      "{runners: {\(Self.cluster), s: {command: ['bwrap', '--', '{env}']}}, clients: {c: {runners: ['s']}}}"
    let loader = try fixture.load(file)
    let report = loader.report
    #expect(report.contains("      command: [\"srun\", \"--job-name={id}\", [\"--chdir={cwd}\"],"))
    #expect(try fixture.load(report).configuration == loader.configuration)
  }
}

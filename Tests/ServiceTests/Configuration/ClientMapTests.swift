import FoundationEssentials
import Harness
import Testing

@testable import JobModel
@testable import Platform

/// `clients` of the configuration file: what holds for whom, and what is said of a map that is wrong.
@Suite struct ClientMapTests {
  private let fixture: ConfigurationFixture

  init() throws { fixture = try ConfigurationFixture() }

  @Test func laterEntriesHoldMemberByMember() throws {
    let configuration = try fixture.load(
      """
      {
        client_running_jobs: 50, job_default_cpus: 1.5,
        clients: {
          "ci-deploy": { running_jobs: 3 },
          "ci-*": { running_jobs: 2, max_memory: "2GiB", memory: "1MiB", grace: '1s' },
          "*": { running_jobs: 1, create_rate: 7, max_processes: 5, default_cpus: "none" },
          "*-deploy": { memory: "2MiB", create_rate: 8, followers: 9 },
        },
      }
      """
    ).configuration
    let deploy = configuration.settings(of: "ci-deploy")
    #expect(deploy.runningJobs == 3 && deploy.maxMemory == 2 << 30 && deploy.maxProcesses == 5)
    #expect(deploy.memory == 2 << 20 && deploy.createRate == 8 && deploy.followers == 9)
    #expect(deploy.grace == 1000 && deploy.defaultCPUMilli == 0)
    let build = configuration.settings(of: "ci-build")
    #expect(build.runningJobs == 2 && build.memory == 1 << 20 && build.createRate == 7)
    let other = configuration.settings(of: "alice")
    #expect(other.runningJobs == 1 && other.maxMemory == 0 && other.outputLimit == 64 << 20)
    #expect(configuration.client.runningJobs == 50 && configuration.client.defaultCPUMilli == 1500)
  }

  @Test func ofEquallyLiteralPatternsTheLastByItsBytesHolds() throws {
    for text in ["'b*': {followers: 2}, '*a': {followers: 1}", "'*a': {followers: 1}, 'b*': {followers: 2}"] {
      let configuration = try fixture.load("{clients: {\(text)}}").configuration
      #expect(configuration.settings(of: "ba").followers == 2)
      #expect(configuration.settings(of: "ca").followers == 1)
    }
  }

  @Test func aNameIsTakenAsItIs() throws {
    let configuration = try fixture.load("{clients: {'a.c': {followers: 1}, 'a?[c]*': {followers: 2}}}")
      .configuration
    #expect(configuration.settings(of: "abc").followers == 4000)
    #expect(configuration.settings(of: "a.c").followers == 1)
    #expect(configuration.settings(of: "a?[c]x").followers == 2)
    #expect(configuration.settings(of: "A.C").followers == 4000)
  }

  @Test(arguments: [
    ("{clients: 5}", "clients must be an object: { \"name or pattern\": { setting: value, ... }, ... }"),
    ("{clients: {a: 5}}", "clients: \"a\" must be an object: { setting: value, ... }"),
    ("{clients: {'': {}}}", "clients: the name of a client may not be empty"),
    (
      "{clients: {'ci-*': {memry: 1}}}",
      "clients: \"ci-*\": there is no setting \"memry\", did you mean memory?"
    ),
    (
      "{clients: {a: {client_memory: 1}}}",
      "clients: \"a\": there is no setting \"client_memory\", did you mean memory?"
    ),
    ("{clients: {a: {workers: 1}}}", "clients: \"a\": there is no setting \"workers\""),
    (
      "{clients: {a: {followers: 0}}}",
      "clients: \"a\": followers is \"0\", but must be a whole number from 1 to 10000000"
    ),
    (
      "{clients: {a: {followers: 1.5}}}",
      "clients: \"a\": followers is \"1.5\", but must be a whole number from 1 to 10000000"
    ),
    ("{clients: {a: {followers: [1]}}}", "clients: \"a\": followers must be a text, a number, true or false"),
    (
      "{clients: {a: {max_cpus: 0.001}}}",
      "clients: \"a\": max_cpus is \"0.001\", but must be none, or a number from 0.01 to 4096"
    ),
    (
      "{clients: {a: {users: []}}}",
      "clients: \"a\": users is \"\", but must be all, or names or numbers of users with a comma between each two, such as build,deploy"
    ),
    ("{clients: {a: {}, 'b': {}, a: {}}}", "clients: \"a\" is there twice"),
    (
      "{clients: {a: {grace: '1s'}, b: {grace: '1s', \"grace\": '2s'}}}",
      "clients: \"b\": grace is there twice"
    ),
    ("{clents: {}}", "there is no option \"clents\", did you mean clients?"),
    ("{grace: {a: 1}}", "grace must be a text, a number, true or false"),
    ("{clients: {a: {grace: '1s'}, b: {grace: '1s'}}, grace: '1s'}", "none"),
  ]) func namesWhatIsWrong(file: String, words: String) {
    #expect(fixture.failure(file) == words)
  }

  @Test func isReportedAsItCanBeLoaded() throws {
    let loader = try fixture.load(
      "{clients: {'b\"*': {grace: '90s', max_memory: 1048576, max_cpus: .5}, a: {running_jobs: 3}, '*': {}}}",
      ["--client-followers", "6"])
    #expect(
      loader.report.contains("\"b\\\"*\": { grace: \"90s\", max_memory: \"1048576\", max_cpus: \"0.5\", },"))
    #expect(try fixture.load(loader.report).configuration.clients == loader.configuration.clients)
    let encoded = try JSONEncoder().encode(loader.configuration)
    #expect(try JSONDecoder().decode(Configuration.self, from: encoded) == loader.configuration)
  }

  @Test func whatHoldsForAClientIsReportedWithWhatItIsFrom() throws {
    let loader = try fixture.load(
      "{client_memory: '2MiB', clients: {'a*': {grace: '90s', max_cpus: .5}, alice: {running_jobs: 3}}}",
      ["--client-followers", "6"])
    let lines = loader.report(of: "alice").split(separator: "\n").map { $0.split(separator: "//") }
    func line(_ name: String) -> String {
      let parts = lines.first { $0[0].hasPrefix("  \(name): ") } ?? []
      return parts.map { $0.reversed().drop { $0 == " " }.reversed() }.map { String($0) }.joined(
        separator: " ")
    }
    #expect(line("running_jobs") == "  running_jobs: 3,  clients: \"alice\"")
    #expect(line("grace") == "  grace: \"90s\",  clients: \"a*\"")
    #expect(line("max_cpus") == "  max_cpus: \"0.5\",  clients: \"a*\"")
    #expect(line("followers") == "  followers: 6,  client_followers: flag")
    #expect(line("memory") == "  memory: \"2MiB\",  client_memory: \(fixture.path)")
    #expect(line("max_memory") == "  max_memory: \"none\",  job_max_memory: default")
    #expect(lines.count == ConfigurationOption.members.count + 2)
  }

  @Test func usersAreANumberOfNamesOrAll() throws {
    let configuration = try fixture.load(
      "{client_users: 'build, 1000', clients: {a: {users: ['deploy']}, b: {users: 'all'}}}"
    ).configuration
    #expect(configuration.settings(of: "c").users == ["build", "1000"])
    #expect(configuration.settings(of: "c").defaults.user == "build")
    #expect(configuration.settings(of: "a").users == ["deploy"])
    #expect(
      configuration.settings(of: "b").users == nil && configuration.settings(of: "b").defaults.user == nil)
  }

  @Test func eachSettingHasAMemberOfItsOwn() {
    #expect(Mirror(reflecting: ClientSettings()).children.count == ConfigurationOption.members.count)
    for (name, option) in ConfigurationOption.members {
      var settings = ClientSettings()
      #expect(option.member?.set(option.print(Configuration()), &settings) == true, "\(name)")
      #expect(settings == ClientSettings(), "\(name)")
    }
  }

  /// Any name and any pattern of few letters, by the definition: a star is the empty text, or one byte and a star.
  @Test(arguments: 0..<20) func matchesAsDefined(seed: UInt64) {
    func matches(_ pattern: Substring.UTF8View, _ name: Substring.UTF8View) -> Bool {
      guard let first = pattern.first else { return name.isEmpty }
      if first == UInt8(ascii: "*") {
        return matches(pattern.dropFirst(), name) || !name.isEmpty && matches(pattern, name.dropFirst())
      }
      return name.first == first && matches(pattern.dropFirst(), name.dropFirst())
    }
    var random = SplitMix(seed: seed)
    func text(_ letters: [Character]) -> String {
      String((0..<Int.random(in: 0...8, using: &random)).map { _ in letters.randomElement(using: &random)! })
    }
    for _ in 0..<2000 {
      let (pattern, name) = (text(["a", "b", "*", "*"]), text(["a", "b"]))
      #expect(
        NamePattern(pattern).matches(name) == matches(Substring(pattern).utf8, Substring(name).utf8),
        "\(pattern) \(name)")
    }
  }

  @Test func aHostilePatternTakesNoLongerThanItsLength() {
    let (stars, letters) = (String(repeating: "*a", count: 500), String(repeating: "a", count: 1024))
    #expect(NamePattern(stars).matches(letters))
    #expect(!NamePattern(stars + "*b").matches(letters))
  }
}

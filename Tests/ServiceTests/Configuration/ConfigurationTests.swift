import FoundationEssentials
import Glibc
import Platform
import Testing

@testable import JobModel

@Suite struct ConfigurationTests {
  private let scratch: ScratchDirectory
  private let place: ConfigurationPlace

  init() throws {
    scratch = try ScratchDirectory()
    var place = ConfigurationPlace(environment: ["HOME": "/home/me"], isRoot: false)
    place.settings = scratch.path
    place.cores = 3
    self.place = place
  }

  private func load(_ arguments: [String] = [], _ environment: [String: String] = [:], file: String? = nil)
    throws
    -> ConfigurationLoader
  {
    if let file { try write(file, to: "jobd.json5") }
    return try ConfigurationLoader(arguments: arguments, environment: environment, place: place)
  }

  private func write(_ text: String, to name: String) throws {
    let descriptor = open("\(scratch.path)/\(name)", O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    defer { close(descriptor) }
    let bytes = Array(text.utf8)
    try #require(Glibc.write(descriptor, bytes, bytes.count) == bytes.count)
  }

  private func option(_ name: String) throws -> ConfigurationOption {
    try #require(ConfigurationOption.all.first { $0.name == name })
  }

  private func failure(_ arguments: [String] = [], _ environment: [String: String] = [:], file: String? = nil)
    -> String
  {
    do {
      _ = try load(arguments, environment, file: file)
      return "none"
    } catch {
      return "\(error)"
    }
  }

  @Test func aCertificateThatNobodyMadeYetIsTold() throws {
    var place = place
    place.keys = scratch.path
    func said(_ arguments: String...) throws -> String? {
      let loader = try ConfigurationLoader(arguments: arguments, environment: [:], place: place)
      do { try loader.checkCertificate() } catch { return error.description }
      return nil
    }
    #expect(
      try said() == """
        there is no certificate \(scratch.path)/server.crt yet; make it with jobd setup, or with jobctl ca
        """)
    #expect(try said("--certificate-file", "/no/such") == nil, "it may come later: that is for the start")
    try write("", to: "server.crt")
    #expect(try said() == nil)
  }

  @Test func hasDefaults() throws {
    let configuration = try load().configuration
    #expect(configuration == Configuration(place))
    #expect(configuration.listenHost == "127.0.0.1" && configuration.listenPort == 7443)
    #expect(configuration.client.outputLimit == 64 << 20 && configuration.workers == 1)
    #expect(configuration.stateDirectory == "/home/me/.local/state/jobd")
    #expect(configuration.clientCAFile == "/home/me/.config/jobd/pki/ca.crt")
    #expect(configuration.secretsKeyFile == "\(scratch.path)/secrets.key")
    #expect(configuration.user == nil)
  }

  @Test func theKeyOfSecretsIsBesideTheFileInUse() throws {
    try write("{secrets_key_file: '/a/b'}", to: "other.json5")
    try write("{}", to: "empty.json5")
    #expect(mkdir("\(scratch.path)/below", 0o700) == 0)
    try write("{}", to: "below/empty.json5")
    func key(_ name: String) throws -> String {
      try load(["--config", "\(scratch.path)/\(name)"]).configuration.secretsKeyFile
    }
    #expect(try key("empty.json5") == "\(scratch.path)/secrets.key")
    #expect(try key("below/empty.json5") == "\(scratch.path)/below/secrets.key")
    #expect(try key("other.json5") == "/a/b")
  }

  @Test func defaultsDependOnWhoStartsIt() {
    let root = Configuration(ConfigurationPlace(environment: [:], isRoot: true))
    #expect(root.stateDirectory == "/var/lib/jobd" && root.keyFile == "/etc/jobd/pki/server.key")
    #expect(root.user == "jobd" || root.user == "nobody")
    let named = ConfigurationPlace(
      environment: ["XDG_STATE_HOME": "/state", "XDG_CONFIG_HOME": "/config", "HOME": "/home/me"],
      isRoot: false)
    #expect(Configuration(named).stateDirectory == "/state/jobd")
    #expect(Configuration(named).certificateFile == "/config/jobd/pki/server.crt")
    let relative = ConfigurationPlace(
      environment: ["XDG_STATE_HOME": "state", "HOME": "/home/me"], isRoot: false)
    #expect(Configuration(relative).stateDirectory == "/home/me/.local/state/jobd")
  }

  @Test func flagsWinOverEnvironmentOverFileOverDefaults() throws {
    let loader = try load(
      ["--grace", "1s"], ["JOBD_GRACE": "2s", "JOBD_OUTPUT_LIMIT": "2MiB", "PATH": "/bin"],
      file: "{ // mine\n grace: '3s', output_limit: '3MiB', max_body: 65536, cgroup: false, }")
    #expect(loader.configuration.client.grace == 1000)
    #expect(loader.configuration.client.outputLimit == 2 << 20)
    #expect(loader.configuration.maxBody == 65536)
    #expect(!loader.configuration.cgroup)
    #expect(loader.configuration.maxHead == 32 << 10)
    #expect(loader.sources["grace"] == "flag")
    #expect(loader.sources["output-limit"] == "environment, JOBD_OUTPUT_LIMIT")
    #expect(loader.sources["max-body"] == "\(scratch.path)/jobd.json5")
    #expect(loader.sources["max-head"] == nil)
  }

  @Test func anotherFileCanBeNamed() throws {
    try write("{grace: '4s'}", to: "other.json5")
    let path = "\(scratch.path)/other.json5"
    #expect(try load(["--config=\(path)"], file: "{grace: '3s'}").configuration.client.grace == 4000)
    #expect(try load([], ["JOBD_CONFIG": path], file: "{grace: '3s'}").configuration.client.grace == 4000)
    #expect(failure(["--config", "/no/such"]) == "cannot open /no/such: No such file or directory")
  }

  @Test(arguments: [
    (["--grace=soon"], "--grace is \"soon\", but must be a whole number and ms, s, m, h or d"),
    (["--grace=2d"], "such as 30s, from 0s to 1d"),
    (["--retention-age=9999d"], "such as 30s, from 0s to 3650d"),
    (["--graze", "1s"], "there is no option --graze, did you mean --grace?"),
    (["--no-such-thing"], "there is no option --no-such-thing; see jobd --help"),
    (["--grace"], "--grace needs a value: a whole number"),
    (["start"], "unexpected argument \"start\""),
    (["--listen", "7443"], "--listen is \"7443\", but must be HOST:PORT"),
    (["--listen", "::1:7443"], "must be HOST:PORT"),
    (["--listen", "localhost:70000"], "must be HOST:PORT"),
    (["--workers", "-1"], "must be a whole number up to 256"),
    (["--output-limit", "64MB"], "KiB, MiB, GiB or TiB"),
    (["--max-body", "9MiB"], "from 1KiB to 8MiB"),
    (["--output-limit", "99999999TiB"], "--output-limit is"),
    (["--log-level", "loud"], "must be error, warn, info, debug"),
    (["--cgroup", "yes"], "must be true or false"),
    (["--key-file", "server.key"], "--key-file is \"server.key\", but must be an absolute path"),
    (["--state-directory="], "must be the path of a file or directory"),
  ]) func namesWhatIsWrong(arguments: [String], words: String) {
    #expect(failure(arguments).contains(words), "\(failure(arguments))")
  }

  @Test func namesWhatIsWrongInTheEnvironment() {
    #expect(failure([], ["JOBD_JOB_ID": "the job that starts it"]) == "none")
    #expect(failure([], ["JOBD_GRACE": "x"]).hasPrefix("JOBD_GRACE is \"x\", but must be"))
    #expect(failure([], ["JOBD_GRASE": "1s"]).contains("JOBD_GRASE sets no option, did you mean JOBD_GRACE?"))
  }

  @Test func namesWhatIsWrongInTheFile() {
    let path = "\(scratch.path)/jobd.json5"
    #expect(failure(file: "{grace: 5}").hasPrefix("\(path): grace is \"5\", but must be"))
    #expect(failure(file: "{graze: '5s'}") == "\(path): there is no option \"graze\", did you mean grace?")
    #expect(
      failure(file: "{grace: ['5s']}") == "\(path): grace must be a text, a number, true or false")
    for (text, line) in [
      ("{grace: '5s'", 1), ("{ grace: '5s',\n  workers 2 }", 2), ("{\n grace: '5s'\n workers: 2,\n}\n", 3),
      ("{\n /* a\n b */\n grace: '5s,\n workers: 2 }", 4), ("{ grace: '5s' }\nx", 2), ("", 1), ("{\n\n", 3),
    ] {
      let words = "\(path) is not JSON5 (https://spec.json5.org): look at line \(line)"
      #expect(failure(file: text) == words, "\(text)")
    }
    let long = "{" + String(repeating: "\n", count: 1001)
    #expect(failure(file: long) == "\(path) is not JSON5 (https://spec.json5.org)")
    for text in [
      "{grace: '5s', workers: 2, grace: '6s'}", "{grace: '5s', // a: b\n 'grace': '6s'}",
      "{\"grace\": ':{', /* grace: */ grace: '6s'}",
    ] { #expect(failure(file: text) == "\(path): grace is there twice", "\(text)") }
    #expect(
      failure(file: "{grace: '5s', /* grace: '6s' */ workers: 2, key_file: '/a:b, grace: {'}") == "none")
    #expect(failure(file: "{key_file: 'a'}") == "\(path): key_file is \"a\", but must be an absolute path")
    #expect(failure(file: "[1]") == "\(path) must be one JSON5 object: { name: value, ... }")
    #expect(failure(file: String(repeating: " ", count: 2 << 20)).contains("larger than"))
  }

  @Test func addresses() throws {
    var configuration = Configuration(place)
    let option = try option("listen")
    for text in ["[::1]:0", "localhost:1", "0.0.0.0:65535"] {
      #expect(option.set(text, &configuration))
      #expect(option.print(configuration) == text)
    }
    #expect(configuration.listenPort == 65535)
  }

  @Test func names() throws {
    var configuration = Configuration(place)
    let option = try option("client-runners")
    for (text, names) in [
      ("", []), ("alice", ["alice"]), (" build bot ,b", ["build bot", "b"]), ("ü,b,c", ["ü", "b", "c"]),
    ] {
      #expect(option.set(text, &configuration) && configuration.client.runners == names)
      #expect(option.print(configuration) == names.joined(separator: ","))
    }
    #expect(option.set("all", &configuration) && configuration.client.runners == nil)
    for text in [",", "a,", ",a", "a,,b", " "] { #expect(!option.set(text, &configuration), "\(text)") }
  }

  @Test func sizes() {
    for (text, bytes) in [
      ("0", 0), ("1", 1), ("64KiB", 65536), ("3MiB", 3 << 20), ("5GiB", 5 << 30), ("2TiB", 2 << 40),
    ] as [(String, Int64)] {
      #expect(Units.bytes.parse(text) == bytes && Units.bytes.print(bytes) == text)
    }
    for text in ["", "KiB", "-1", "+1", "1.5GiB", "1 KiB", "1kib", "٣", "9223372036854775807KiB"] {
      #expect(Units.bytes.parse(text) == nil, "\(text)")
    }
  }

  @Test func whatIsReportedCanBeLoadedAgain() throws {
    let loader = try load(
      [
        "--listen", "[::1]:1", "--grace", "1500ms", "--crl-file", "/a \"b\"\n.crl", "--workers", "0",
        "--drain-time", "0s",
      ])
    #expect(loader.report.contains("grace: \"1500ms\","))
    #expect(loader.report.contains("// flag") && loader.report.contains("// default"))
    let again = try load(file: loader.report)
    #expect(again.configuration == loader.configuration)
    #expect(again.sources.count == ConfigurationOption.all.count)
  }

  @Test func everyOptionIsExplainedAndTakesItsOwnDefault() throws {
    let help = ConfigurationLoader.help
    for option in ConfigurationOption.all {
      #expect(help.contains("--\(option.name) "))
      var configuration = Configuration(place)
      #expect(
        option.set(option.print(configuration), &configuration) || option.name == "crl-file")
      #expect(configuration == Configuration(place), "\(option.name)")
    }
    #expect(Set(ConfigurationOption.all.map(\.name)).count == ConfigurationOption.all.count)
    #expect(!help.split(separator: "\n").contains { $0.count > 100 })
  }

  @Test func crossesToTheApiProcess() throws {
    var configuration = Configuration(place)
    configuration.crlFile = "/crl"
    configuration.logLevel = .debug
    let encoded = try JSONEncoder().encode(configuration)
    #expect(try JSONDecoder().decode(Configuration.self, from: encoded) == configuration)
  }
}

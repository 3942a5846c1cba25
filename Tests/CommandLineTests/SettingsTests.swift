import FoundationEssentials
import JobClient
import Platform
import Testing

@testable import jobctl

@Suite struct SettingsTests {
  private let file = "/tmp/jobctl-test-\(UInt64.random(in: 0 ... .max)).json"

  private func settings(_ line: [String], _ variables: [String: String] = [:]) throws -> Settings {
    try Settings(Invocation(.ps, line), Environment(variables.merging(["JOBCTL_CONFIG": file]) { $1 }))
  }

  @Test func optionsWinOverEnvironmentOverProfileOverDefaults() throws {
    defer { try? FileManager.default.removeItem(atPath: file) }
    var profiles = Profiles()
    profiles.profiles["default"] = ["server": "profile:1", "ca": "/profile/ca"]
    profiles.profiles["test"] = ["server": "test:2", "key": "/test/key"]
    try profiles.save(file)
    let variables = ["JOBCTL_SERVER": "environment:3", "JOBCTL_CERT": "", "JOBCTL_PROFILE": "test"]

    let plain = try settings([])
    #expect((plain[.server]?.text, plain[.server]?.origin) == ("profile:1", "profile default"))
    #expect((plain[.ca]?.text, plain[.key]?.origin) == ("/profile/ca", "default"))
    let named = try settings(["--profile", "test"])
    #expect(
      (named[.server]?.text, named[.key]?.text, named[.ca]?.origin) == ("test:2", "/test/key", "default"))
    let set = try settings([], variables)
    #expect((set[.server]?.text, set[.server]?.origin) == ("environment:3", "JOBCTL_SERVER"))
    #expect((set[.key]?.text, set[.cert]?.origin) == ("/test/key", "default"), "empty is as if not set")
    let given = try settings(["--server", "option:4"], variables)
    #expect((given[.server]?.text, given[.server]?.origin) == ("option:4", "--server"))
    #expect(throws: UsageError.self) { try settings(["--profile", "nosuch"]) }

    profiles.profiles["test"]!["runner"] = "cluster"
    try profiles.save(file)
    #expect(try settings([])[.runner] == nil)
    #expect(try settings(["--profile", "test"])[.runner]?.text == "cluster")
    #expect(try settings([], ["JOBCTL_PROFILE": "test", "JOBCTL_RUNNER": "none"])[.runner]?.text == "none")
  }

  @Test func nothingIsNeededForALocalDaemon() throws {
    let connection = try settings([], ["HOME": "/home/u", "XDG_CONFIG_HOME": "relative"]).connection()
    #expect((connection.host, connection.port, connection.replyTimeout) == ("127.0.0.1", 7443, 60_000))
    #expect(connection.keyFile.hasSuffix("/jobd/pki/client.key"))
  }

  @Test(arguments: [
    ("localhost:1", "localhost", 1), ("localhost", "localhost", 7443), ("[::1]", "::1", 7443),
    ("https://localhost:1", "localhost", 1), ("HTTPS://[::1]:2/", "::1", 2), ("https://a.b", "a.b", 7443),
    ("[::1]:7443", "::1", 7443), ("10.0.0.1:65535", "10.0.0.1", 65535),
  ])
  func serversAreHostAndPort(text: String, host: String, port: Int) throws {
    let connection = try settings(["--server", text]).connection()
    #expect(connection.host == host && Int(connection.port) == port)
  }

  @Test(arguments: [
    ("http://localhost:1", "reached by https, not by http"), ("ssh://a", "not by ssh"),
    ("::1", "in brackets: [::1]"), ("https://me@a", "by certificates"),
    ("https://a/jobs", "must be HOST or HOST:PORT"),
    (":1", "names no host"),
  ])
  func aWrongServerIsExplained(text: String, words: String) {
    let error = #expect(throws: UsageError.self) { try settings(["--server", text]).connection() }
    #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
  }

  @Test(arguments: [
    "localhost:", ":1", "https://", "a b", "[::1", "[::1]x", "localhost:0", "localhost:65536", "[]:1",
    "localhost:x",
  ])
  func anythingElseIsNot(text: String) {
    #expect(throws: UsageError.self) { try settings(["--server", text]).connection() }
  }

  @Test func homeIsThatOfTheAccountWhereNothingSaysIt() {
    let account = Account.own.home
    for variables in [[:], ["HOME": ""], ["HOME": "relative"]] {
      #expect(Environment(variables).settings == "\(account)/.config")
    }
    #expect(Environment(["HOME": "/"]).settings == "/.config")
  }

  @Test func aBadTimeInTheEnvironmentIsNamed() {
    let error = #expect(throws: UsageError.self) {
      try settings([], ["JOBCTL_REPLY_TIMEOUT": "soon"]).connection()
    }
    #expect(error?.description.contains("JOBCTL_REPLY_TIMEOUT") == true)
  }

  @Test func aFileThatIsNoProfilesIsRefused() throws {
    defer { try? FileManager.default.removeItem(atPath: file) }
    try Data("[]".utf8).write(to: URL(filePath: file))
    let error = #expect(throws: UsageError.self) { try settings([]) }
    #expect(error?.description.contains(file) == true)
  }
}

import Harness
import JobClient
import Testing

/// What README.md tells its readers to type, typed.
@Suite(.serialized) struct ReadmeTests {
  /// The lines of the first block of shell below a heading.
  private func block(_ heading: String) throws -> [Substring] {
    let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let lines = Files.text("/\(root)/README.md").split(separator: "\n", omittingEmptySubsequences: false)
    let section = lines.drop { $0 != "## \(heading)" }
    let start = section.drop { $0 != "```sh" }.dropFirst()
    let block = start.prefix { $0 != "```" }
    try #require(!block.isEmpty)
    return Array(block)
  }

  private func type(_ lines: [some StringProtocol], _ daemon: Daemon) throws -> Finished {
    try Running(
      "bash", ["-uc", "cd '\(daemon.scratch.path)'\n" + lines.joined(separator: "\n")],
      environment: daemon.jobctlEnvironment("alice").merging(["PATH": "\(Programs.directory):/usr/bin:/bin"])
      {
        $1
      }, directory: daemon.scratch
    ).wait()
  }

  @Test func theTourWorks() throws {
    try Daemon.with { daemon in
      // The daemon and its certificates are this test's.
      let tour = try block("A tour in two minutes").filter {
        !$0.contains("jobctl ca ") && !$0.hasPrefix("jobd ")
      }
      for command in ["run", "logs -f", "ps", "stop", "wait", "inspect", "rm"] {
        #expect(tour.contains { $0.hasPrefix("jobctl \(command) ") }, "\(command)")
      }
      let done = try type(["mkdir src; touch src/a"] + tour.map(String.init), daemon)
      #expect(!done.errorText.contains("jobctl:"), "\(done.errorText)")
      #expect(done.text.hasPrefix("Linux ") && done.text.contains("src/a") && done.text.contains("ID  "))
      #expect(try daemon.client().list().jobs.map(\.cmd) == ["uname"], "\(done.text)")
    }
  }

  @Test func theRequestsByCurlWork() throws {
    try Daemon.with { daemon in
      let requests = try block("The API by curl").map {
        $0.replacing("localhost:7443", with: "localhost:\(daemon.port)")
      }
      let prepare = [
        "for f in ca.crt alice.crt alice.key; do cp '\(daemon.pki.directory)'/$f .; done",
        "id=$(jobctl start echo hello)",
      ]
      let done = try type(prepare + requests.map(String.init), daemon)
      for reply in [
        #"{"id":""#, #"{"status":"completed","exit_code":0}"#, #"{"stdout":"hello\n","stderr":""}"#,
        "}hello\n",
      ] { #expect(done.text.contains(reply), "\(done.text) \(done.errorText)") }
      #expect(try daemon.client().list().jobs.count == 1, "one of the two was deleted")
    }
  }
}

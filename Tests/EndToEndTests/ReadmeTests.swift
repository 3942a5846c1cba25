import Glibc
import Harness
import Testing

/// What README.md tells its readers to type, typed by a user who has nothing yet. Another port is all that is told from
/// outside: the one of the tour may be taken.
@Suite(.serialized) struct ReadmeTests {
  /// The lines of the first block of shell below a heading.
  private func block(_ heading: String) throws -> [Substring] {
    let lines = Files.text("\(Files.repository)/README.md").split(
      separator: "\n", omittingEmptySubsequences: false)
    let section = lines.drop { $0 != "## \(heading)" }
    let start = section.drop { $0 != "```sh" }.dropFirst()
    let block = start.prefix { $0 != "```" }
    try #require(!block.isEmpty)
    return Array(block)
  }

  /// Types the lines one after the other; a reader types slower than the daemon starts.
  private func type(_ lines: [Substring], _ user: UnprivilegedUser, port: Int) throws -> Finished {
    let typed = lines.map { line -> String in
      if line.hasPrefix("jobd setup") { return "jobd setup --listen 127.0.0.1:\(port)" }
      guard line.hasPrefix("jobd &") else {
        return String(line).replacing("localhost:7443", with: "localhost:\(port)").replacing(
          "/usr/local/sbin", with: Programs.directory)
      }
      return "\(line)\n" + """
        trap "kill $!; wait $!" EXIT
        for _ in $(seq 600); do (: </dev/tcp/127.0.0.1/\(port)) && break || sleep 0.1; done 2>/dev/null
        """
    }
    let script = (["cd ~", "mkdir Sources", "touch Sources/a"] + typed).joined(separator: "\n")
    // As a user has it, who finds jobctl there and not the daemon.
    let bin = "\(user.scratch.path)/bin"
    mkdir(bin, 0o755)
    symlink(Programs.jobctl, "\(bin)/jobctl")
    let environment = [
      "HOME": user.scratch.path, "PATH": "\(bin):/usr/bin:/bin",
      "JOBD_LISTEN": "127.0.0.1:\(port)", "JOBCTL_SERVER": "127.0.0.1:\(port)",
    ]
    let command = user.prefix + ["bash", "-uc", script]
    return try Running(command[0], Array(command[1...]), environment: environment, directory: user.scratch)
      .wait()
  }

  @Test func theTourAndTheRequestsByCurlWork() throws {
    let tour = try block("A tour in two minutes")
    for command in ["run", "logs -f", "ps", "stop", "wait", "inspect", "rm"] {
      #expect(tour.contains { $0.hasPrefix("jobctl \(command) ") }, "\(command)")
    }
    for command in ["jobd setup ", "jobd &"] { #expect(tour.contains { $0.hasPrefix(command) }) }
    let user = try UnprivilegedUser()
    defer { user.scratch.remove() }
    let lines = try tour + ["jobctl ps --all"] + block("The API by curl") + ["", "jobctl ps --all"]
    let done = try type(lines, user, port: try FreePort.find())
    #expect(!done.errorText.contains("jobctl:") && !done.errorText.contains("curl:"), "\(done.errorText)")
    for part in [
      "\nLinux ", "Sources/a\n", "\nID  ", "1\n2\n3\n",
      #"{"status":"completed","exit_code":0,"ended_by":"exit"}"#,
      #""ended_by":"exit","stdout":"hello\n","stderr":""}"#, #"{"stdout":"hello\n","stderr":""}"#, "}hello\n",
    ] { #expect(done.text.contains(part), "\(part) in: \(done.text)") }
    let left = done.text.split(separator: "\n").suffix(1)
    #expect(left.allSatisfy { $0.hasSuffix("uname -a") }, "what was to be removed is: \(done.text)")
  }
}

import Glibc
import Harness
import JobClient
import Testing

/// `--secret` and `--secret-file` of jobctl.
@Suite(.serialized) struct CliSecretTests {
  private let canary = Canary()

  private func jobctl(_ daemon: Daemon, _ arguments: [String]) throws -> Finished {
    var environment = daemon.jobctlEnvironment("alice")
    environment[Canary.name] = canary.value
    return try Running(Programs.jobctl, arguments, environment: environment, directory: daemon.scratch).wait()
  }

  private func shell(_ then: String = ":") -> [String] {
    let request = canary.request(then)
    return [request.cmd] + request.args
  }

  @Test func theValueIsOfJobctlsEnvironmentOrOfAFile() throws {
    try Daemon.with { daemon in
      let (option, output) = (["--secret", Canary.name], try canary.output(daemon.scratch))
      for more in [[], ["--rm"], ["--no-stdin"]] {
        let done = try jobctl(daemon, ["run"] + more + option + shell())
        #expect(done.status == 0 && done.text == output, "\(done.errorText)")
      }
      for command in [["start"], ["run", "--detach"]] {
        let started = try jobctl(daemon, command + option + shell())
        let id = try #require(JobID(started.text.filter { $0 != "\n" }), "\(started.errorText)")
        try canary.expect(in: daemon.client(), of: id, daemon.scratch)
      }
      let file = daemon.scratch.fresh("token")
      try Files.write(Array("\(canary.value)\n".utf8), to: file)
      let done = try jobctl(
        daemon, ["run", "--secret-file", "\(Canary.name)=\(file)", "sh", "-c", "printf %s \"$SECRET_TOKEN\""])
      #expect(done.text == canary.value + "\n", "a newline at its end too")
    }
  }

  @Test func whatIsWrongIsSaidWithoutTheValue() throws {
    try Daemon.with { daemon in
      func said(_ options: String...) throws -> String {
        let done = try jobctl(daemon, ["start"] + options + ["true"])
        #expect(done.status != 0 && !done.errorText.contains(canary.value))
        return done.errorText
      }
      let (binary, text) = (daemon.scratch.fresh("binary"), daemon.scratch.fresh("text"))
      try Files.write([0xff], to: binary)
      try Files.write(Array("a\0b".utf8), to: text)
      #expect(try said("--secret", "NOT_SET").contains(#"environment has no variable "NOT_SET""#))
      #expect(try said("--secret", "A=\(canary.value)").contains("takes the name of a variable alone, A:"))
      #expect(try said("--secret-file", "A").contains("must be NAME=FILE"))
      #expect(try said("--secret-file", "A=/nonexistent").contains("/nonexistent: No such file"))
      for file in [binary, text] {
        #expect(try said("--secret-file", "A=\(file)").contains("is not UTF-8, or holds a NUL"))
      }
      #expect(try said("--secret", Canary.name, "--secret", Canary.name).contains("is given twice"))
      #expect(
        try said("--secret", Canary.name, "--env", "\(Canary.name)=1").contains(
          #"--secret has the name "SECRET_TOKEN", which "env" has too"#))
    }
  }
}

import Harness
import JobAPI
import JobClient
import Testing

/// Names of clients are told apart byte for byte: these two are the same to Swift and to Unicode.
@Suite(.serialized) struct NameTests {
  private static let (composed, decomposed) = ("caf\u{e9}", "cafe\u{301}")

  @Test func canonicallyEquivalentNamesAreTwoClients() throws {
    #expect(Self.composed == Self.decomposed)
    let roles = "{ clients: { '\(Self.composed)': { role: 'operator' } } }"
    try Daemon.with(Daemon(configuration: roles)) { daemon in
      for (name, file) in [(Self.composed, "composed"), (Self.decomposed, "decomposed")] {
        let own = try Scratch()
        defer { own.remove() }
        for part in ["ca.crt", "ca.key"] {
          try Files.write(Files.read("\(daemon.pki.directory)/\(part)"), to: "\(own.path)/\(part)")
        }
        let made = try Running(Programs.jobctl, ["ca", "client", "--dir", own.path, name], directory: own)
          .wait()
        try #require(made.status == 0, "\(made.errorText)")
        for part in ["crt", "key"] {
          try Files.write(
            Files.read("\(own.path)/\(name).\(part)"), to: "\(daemon.pki.directory)/\(file).\(part)")
        }
      }
      // The one without a role comes first.
      let (owner, other) = (daemon.client("decomposed"), daemon.client("composed"))
      let job = try owner.shell("echo secret")
      _ = try owner.end(of: job)
      #expect(try owner.list().role == nil)
      #expect(try daemon.curl("GET", "/jobs?client=*", as: "decomposed").status == 403)
      #expect(try other.list().role == "operator" && other.list().jobs.isEmpty)
      #expect(try other.detail(job).client.map { Array($0.utf8) } == Array(Self.decomposed.utf8))
      let own = try other.shell("true")
      #expect(try daemon.curl("GET", "/jobs/\(own)", as: "decomposed").status == 404)
      try daemon.killSupervisor()
      #expect(try owner.list().jobs.map(\.id) == [job] && other.list().jobs.map(\.id) == [own])
    }
  }
}

import Glibc
import Harness
import JobAPI
import Testing

/// Daemons of one authority, each with what its host has of it, and one user who has a profile for each.
final class Hosts {
  struct Host {
    let name: String
    let daemon: Daemon
    let directory: String
    let options: [String]
    let port: Int
  }

  private let own: OwnPki
  private(set) var all: [Host] = []
  private var profiles: String { "\(own.directory)/jobctl.json" }

  /// Runs `body` with so many daemons, which are ended afterwards.
  static func with(_ count: Int, configuration: String = "{}", _ body: (Hosts) throws -> Void) throws {
    let hosts = Hosts(own: try OwnPki(clients: ["alice"]))
    defer { hosts.end() }
    for number in 1...count { try hosts.add("n\(number).example.org", configuration) }
    do {
      try body(hosts)
    } catch {
      Issue.record("\(error); the logs:\n\(hosts.all.map(\.daemon.log).joined(separator: "\n"))")
    }
  }

  private init(own: OwnPki) { self.own = own }

  private func end() {
    for host in all {
      host.daemon.end()
      host.daemon.scratch.remove()
    }
    own.scratch.remove()
  }

  private func add(_ name: String, _ configuration: String) throws {
    let directory = own.scratch.fresh(name)
    mkdir(directory, 0o755)
    try issue(name, directory)
    let options = [
      "--certificate-file", "\(directory)/server.crt", "--key-file", "\(directory)/server.key",
      "--client-ca-file", "\(directory)/ca.crt",
    ]
    let daemon = try Daemon(options, configuration: configuration)
    all.append(
      Host(name: name, daemon: daemon, directory: directory, options: options, port: daemon.port))
    try setProfile(name, server: daemon.port, is: name)
  }

  /// As docs/scaling.md says: the daemon's key is made on its host, and the authority's stays away from it.
  private func issue(_ name: String, _ directory: String) throws {
    let request = "\(own.directory)/\(name).csr"
    try run(
      "openssl", "req", "-new", "-newkey", "ed25519", "-nodes", "-subj", "/", "-keyout",
      "\(directory)/server.key", "-out", request)
    try run(
      Programs.jobctl, "ca", "sign", "--dir", own.directory, "--server", "--host", name, "--host",
      "localhost",
      name, request)
    try Files.write(Files.read("\(own.directory)/\(name).crt"), to: "\(directory)/server.crt")
    try Files.write(Files.read("\(own.directory)/ca.crt"), to: "\(directory)/ca.crt")
  }

  /// `is`: the name that the server's certificate must have.
  func setProfile(_ profile: String, server port: Int, is name: String) throws {
    let files = try Pki.shared.get().directory
    try run(
      Programs.jobctl, "config", "set", "--profile", profile, "--server", "localhost:\(port)",
      "--server-name",
      name, "--ca", "\(files)/ca.crt", "--cert", "\(files)/alice.crt", "--key", "\(files)/alice.key")
  }

  /// Where the authority is; the list is brought to each host then.
  func revokeAlice() throws {
    try run(Programs.jobctl, "ca", "revoke", "--dir", own.directory, "alice")
    for host in all {
      try Files.write(Files.read("\(own.directory)/ca.crl"), to: "\(host.directory)/ca.crl")
    }
  }

  private func run(_ program: String, _ arguments: String...) throws {
    let done = try Running(
      program, arguments, environment: ["JOBCTL_CONFIG": profiles], directory: own.scratch
    ).wait()
    try #require(done.status == 0, "\(program) \(arguments): \(done.errorText)")
  }

  /// jobctl with a host's profile, or another.
  func start(_ profile: String, _ arguments: [String]) throws -> Running {
    try Running(
      Programs.jobctl, arguments, environment: ["JOBCTL_CONFIG": profiles, "JOBCTL_PROFILE": profile],
      directory: own.scratch)
  }

  func jobctl(_ profile: String, _ arguments: String...) throws -> Finished {
    try start(profile, arguments).wait()
  }
}

extension Hosts.Host {
  /// The host is there again, with its state.
  func comeBack() throws { try daemon.start(options, port: port) }
}

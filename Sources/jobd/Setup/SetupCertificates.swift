import CJobWire
import Glibc
import JobModel
import JobSupervisor
import Platform

/// An authority, the daemon's certificate and first clients, below the directory that has them by default.
struct SetupCertificates {
  private let directory: String
  private let options: SetupOptions
  private let jobctl: Jobctl

  /// Nil: the configuration names files from elsewhere, and nothing is made.
  init?(_ loader: ConfigurationLoader, _ options: SetupOptions) throws {
    let configuration = loader.configuration
    for (name, file) in [
      ("certificate-file", configuration.certificateFile), ("key-file", configuration.keyFile),
      ("client-ca-file", configuration.clientCAFile),
    ] where loader.sources[name] != nil {
      Setup.tell("kept", "\(file), which \(loader.sources[name]!) names: no certificates are made")
      return nil
    }
    directory = Path.directory(of: configuration.certificateFile)
    self.options = options
    jobctl = try Jobctl()
  }

  /// Whether others can be signed here.
  var hasKey: Bool { has("ca.key") }

  /// Authority, and the daemon's certificate.
  func make() throws {
    if has("ca.crt") {
      tell("kept", "ca.crt", "the authority")
    } else {
      try jobctl.run(["ca", "init"])
      tell("made", "ca.crt", "the authority, and its key: whoever has ca.key makes clients")
    }
    guard !has("server.crt") else {
      tell("kept", "server.crt", "the daemon's certificate")
      return tellMissingHosts()
    }
    let hosts = options.allHosts
    try jobctl.run(["ca", "server"] + hosts.flatMap { ["--host", $0] })
    tell("made", "server.crt", "for \(hosts.joined(separator: ", "))")
  }

  /// That of whoever typed the command; of who typed sudo too.
  func makeClients(_ server: Address) throws {
    let own = Account.own
    if has("client.crt") {
      tell("kept", "client.crt", "the client's certificate of \(own.name)")
    } else if hasKey {
      try jobctl.run(["ca", "client", "--default", own.name])
      tell("made", "client.crt", "for the client \(own.name)")
    }
    try jobctl.use(server, as: own.user == 0 ? own : nil)
    guard let user = Borrowed.sudoUser else { return }
    let home = ClientHome(
      user, authority: try SmallFile.read("\(directory)/ca.crt", most: ClientHome.mostBytes))
    switch try home.look() {
    case .missing:
      guard hasKey else { return }
      try give(home)
    case .ready: Setup.tell("kept", "\(home.directory): the client's certificate of \(user.name)")
    case .other:
      return Setup.tell(
        "note", "\(home.directory) is not of this authority, and was kept: jobctl ca client \(user.name)")
    }
    try jobctl.use(server, as: user)
  }

  /// One that was issued, and not given away, by a run before is used.
  private func give(_ home: ClientHome) throws {
    let name = home.account.name
    guard !["ca", "server", "client"].contains(name) else {
      throw DaemonError("\(name), who typed sudo, has the name of other files in \(directory)")
    }
    let isFresh = !has("\(name).crt")
    if isFresh { try jobctl.run(["ca", "client", name]) }
    try home.make(certificate: "\(directory)/\(name).crt", key: "\(directory)/\(name).key")
    if isFresh { for suffix in ["crt", "key"] { unlink("\(directory)/\(name).\(suffix)") } }
    Setup.tell("made", "\(home.directory)/client.crt: for the client \(name)")
  }

  private func tellMissingHosts() {
    let file = "\(directory)/server.crt"
    let missing = options.askedHosts.filter { !jw_ca_has_host(file, $0) }
    guard !missing.isEmpty else { return }
    let words = options.allHosts.map { " --host \($0)" }.joined()
    tell(
      "note", "server.crt", "is not for \(missing.joined(separator: ", ")): jobctl ca server --force\(words)")
  }

  private func tell(_ word: String, _ file: String, _ text: String) {
    Setup.tell(word, "\(directory)/\(file): \(text)")
  }

  private func has(_ file: String) -> Bool { access("\(directory)/\(file)", F_OK) == 0 || errno != ENOENT }
}

import CJobWire
import Glibc
import JobModel
import JobSupervisor
import Platform

/// An authority, the daemon's certificate and first clients, below the directory that has them by default.
struct SetupCertificates {
  let jobctl: Jobctl
  private let directory: String
  private let options: SetupOptions
  private let listenHost: String

  /// Nil: the configuration names files from elsewhere, and nothing is made.
  init?(_ loader: ConfigurationLoader, _ options: SetupOptions, listenHost: String) throws {
    let configuration = loader.configuration
    for (name, file) in [
      ("certificate-file", configuration.certificateFile), ("key-file", configuration.keyFile),
      ("client-ca-file", configuration.clientCAFile),
    ] where loader.sources[name] != nil {
      Setup.tell("kept", "\(file), which \(loader.sources[name]!) names: no certificates are made")
      return nil
    }
    directory = Path.directory(of: configuration.certificateFile)
    (self.options, self.listenHost) = (options, listenHost)
    jobctl = try Jobctl()
  }

  /// Whether others can be signed here.
  var hasKey: Bool { has("ca.key") }

  func authority() throws -> [UInt8] { try read("\(directory)/ca.crt") }

  /// Authority, and the daemon's certificate.
  func make() throws {
    if has("ca.crt") {
      tell("kept", "ca.crt", "the authority")
    } else {
      try jobctl.run(["ca", "init"])
      tell("made", "ca.crt", "the authority, and its key: whoever has ca.key makes clients")
    }
    let hosts = options.hosts(listeningAt: listenHost)
    guard try hasPair("server") else { return try makeServer(hosts.all) }
    let file = "\(directory)/server.crt"
    let missing = hosts.asked.filter { !jw_ca_has_host(file, $0) }
    guard !missing.isEmpty else { return tell("kept", "server.crt", "the daemon's certificate") }
    guard hasKey else {
      return tell(
        "note", "server.crt", "is not for \(missing.joined(separator: ", ")), and ca.key is not here")
    }
    try makeServer(Self.names(file) + missing, ["--force"])
  }

  private func makeServer(_ hosts: [String], _ words: [String] = []) throws {
    guard hasKey else {
      throw DaemonError(
        "\(directory) has ca.crt without ca.key, as clients of another daemon have: move it away, name it by jobctl config "
          + "set --ca, --cert and --key if it is used, and type jobd setup again")
    }
    try jobctl.run(["ca", "server"] + words + hosts.flatMap { ["--host", $0] })
    tell("made", "server.crt", "for \(hosts.joined(separator: ", "))")
  }

  /// That of whoever typed the command.
  func makeClient(_ server: Address) throws {
    let own = Account.own
    if try hasPair("client") {
      tell("kept", "client.crt", "the client that jobctl is")
    } else if hasKey {
      try jobctl.run(["ca", "client", "--default", own.name])
      tell(
        "made", "client.crt", "for the client \(own.name)\(own.user == 0 ? ", whose jobs run as root" : "")")
    } else {
      tell("note", "client.crt", "is not there, and ca.key, which would sign it, neither")
    }
    try jobctl.use(server, as: login)
  }

  /// One of which nothing stays here: key and certificate.
  func issue(_ name: String) throws -> (certificate: [UInt8], key: [UInt8]) {
    let draft = try FreshDirectory.make("\(directory)/\(name)")
    let links = ["ca.crt", "ca.key", "issued"]
    defer {
      for name in links + ["client.crt", "client.key"] { unlink("\(draft)/\(name)") }
      rmdir(draft)
    }
    guard mkdir("\(directory)/issued", 0o755) == 0 || errno == EEXIST else {
      throw SystemError(errno, "make \(directory)/issued")
    }
    for name in links {
      guard symlink("../\(name)", "\(draft)/\(name)") == 0 else {
        throw SystemError(errno, "make \(draft)/\(name)")
      }
    }
    try jobctl.run(["ca", "client", "--dir", draft, "--default", name])
    return (try read("\(draft)/client.crt"), try read("\(draft)/client.key"))
  }

  /// Whether a first job would come, with what is here.
  func tryOut(_ server: Address) {
    guard has("client.crt") else { return }
    let files = [("--ca", "ca.crt"), ("--cert", "client.crt"), ("--key", "client.key")]
    do {
      try jobctl.run(
        ["ps", "--server", "\(server)"] + files.flatMap { [$0, "\(directory)/\($1)"] }, as: login)
    } catch {
      Setup.tell("note", "jobctl does not get to the daemon: \(error)")
    }
  }

  /// Root's environment may be that of who typed sudo.
  private var login: Account? { geteuid() == 0 ? Account.own : nil }

  /// False: there is neither of the two.
  private func hasPair(_ name: String) throws -> Bool {
    let files = ["\(name).crt", "\(name).key"]
    let found = files.filter(has)
    guard found.count == 1 else { return !found.isEmpty }
    throw DaemonError(
      "\(directory) has \(found[0]), and not the other one of \(files.joined(separator: " and ")): "
        + "put that back, or move \(found[0]) away, and type jobd setup again")
  }

  private static func names(_ file: String) -> [String] {
    var names: [String] = []
    withUnsafeMutablePointer(to: &names) { names in
      jw_ca_each_host(
        file, { $0.assumingMemoryBound(to: [String].self).pointee.append(String(cString: $1)) }, names)
    }
    return names
  }

  private func tell(_ word: String, _ file: String, _ text: String) {
    Setup.tell(word, "\(directory)/\(file): \(text)")
  }

  private func has(_ file: String) -> Bool { access("\(directory)/\(file)", F_OK) == 0 || errno != ENOENT }
  private func read(_ path: String) throws -> [UInt8] {
    try SmallFile.read(path, most: ClientHome.mostBytes)
  }
}

import Harness
import Testing

/// Certificates and revocation lists of an authority of a test's own, made with the openssl command.
struct RevocationLists {
  let own: OwnPki
  private let directory: String

  init() throws {
    own = try OwnPki()
    directory = own.directory
    try Files.write([], to: "\(directory)/index.txt")
    try Files.write(Array("01".utf8), to: "\(directory)/crlnumber")
    let settings = """
      [ca]
      default_ca = d
      [d]
      database = \(directory)/index.txt
      crlnumber = \(directory)/crlnumber
      default_md = sha256
      default_crl_days = 30
      [intermediate]
      basicConstraints = critical, CA:TRUE
      keyUsage = critical, keyCertSign, cRLSign
      [client]
      extendedKeyUsage = clientAuth
      """
    try Files.write(Array(settings.utf8), to: "\(directory)/openssl.conf")
    try list()
  }

  var path: String { "\(directory)/crl.pem" }
  var options: [String] { own.options + ["--crl-file", path] }

  func openssl(_ arguments: String...) throws {
    let done = try Running("openssl", arguments, directory: own.scratch).wait()
    try #require(done.status == 0, "openssl \(arguments): \(done.errorText)")
  }

  private func authority(_ name: String) -> [String] {
    [
      "-config", "\(directory)/openssl.conf", "-cert", "\(directory)/\(name).crt", "-keyfile",
      "\(directory)/\(name).key",
    ]
  }

  /// Makes the list anew; `authority`: the name of its files. `until`: as openssl's -crl_nextupdate has it.
  func list(of authority: String = "ca", until: String? = nil, append: Bool = false) throws {
    let times = until.map { ["-crl_lastupdate", "20200101000000Z", "-crl_nextupdate", $0] } ?? []
    let out = "\(directory)/\(authority).crl"
    let done = try Running(
      "openssl", ["ca", "-gencrl", "-out", out] + self.authority(authority) + times, directory: own.scratch
    ).wait()
    try #require(done.status == 0, "\(done.errorText)")
    try Files.write((append ? Files.read(path) : []) + Files.read(out), to: path)
  }

  func revoke(_ certificate: String) throws {
    let done = try Running(
      "openssl", ["ca", "-revoke", certificate] + authority("ca"), directory: own.scratch
    ).wait()
    try #require(done.status == 0, "\(done.errorText)")
    try list()
  }

  /// An authority below the authority, and a client of it: `intermediate.crt`, and `carol.crt` with its chain.
  func makeIntermediate() throws {
    // That of jobctl signs no other authority.
    try openssl(
      "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
      "-subj",
      "/CN=root", "-addext", "keyUsage = critical, keyCertSign, cRLSign", "-keyout", "\(directory)/ca.key",
      "-out",
      "\(directory)/ca.crt")
    try list()
    for (name, issuer, section) in [
      ("intermediate", "ca", "intermediate"), ("carol", "intermediate", "client"),
    ] {
      let base = "\(directory)/\(name)"
      try openssl(
        "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "\(base).key",
        "-out",
        "\(base).csr", "-subj", "/CN=\(name)")
      try openssl(
        "x509", "-req", "-in", "\(base).csr", "-CA", "\(directory)/\(issuer).crt", "-CAkey",
        "\(directory)/\(issuer).key", "-CAcreateserial", "-days", "30", "-out", "\(base).crt", "-extfile",
        "\(directory)/openssl.conf", "-extensions", section)
    }
    let chain = Files.read("\(directory)/carol.crt") + Files.read("\(directory)/intermediate.crt")
    try Files.write(chain, to: "\(directory)/carol.crt")
  }
}

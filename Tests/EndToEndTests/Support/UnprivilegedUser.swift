import Glibc
import Harness

/// A user without rights, with all that a daemon of its own needs: the one who runs the tests, or another when that is
/// root.
struct UnprivilegedUser {
  let scratch: Scratch
  /// A program, with arguments, that runs another as this user.
  let prefix: [String]
  let id: uid_t

  /// `id`: whom root becomes; nobody by default.
  init(_ id: uid_t = 65534) throws {
    scratch = try Scratch()
    self.id = geteuid() == 0 ? id : geteuid()
    prefix = geteuid() == 0 ? ["setpriv", "--reuid=\(id)", "--regid=\(id)", "--clear-groups"] : []
    let shared = try Pki.shared.get().directory
    for name in ["server.crt", "server.key", "ca.crt"] {
      try Files.write(Files.read("\(shared)/\(name)"), to: "\(scratch.path)/\(name)")
      chown("\(scratch.path)/\(name)", self.id, .max)
    }
    try Files.write(Array("{}".utf8), to: "\(scratch.path)/jobd.json5", mode: 0o644)
    chown(scratch.path, self.id, .max)
  }

  var options: [String] {
    [
      "--state-directory", "\(scratch.path)/state", "--certificate-file", "\(scratch.path)/server.crt",
      "--key-file", "\(scratch.path)/server.key", "--client-ca-file", "\(scratch.path)/ca.crt", "--config",
      "\(scratch.path)/jobd.json5",
    ]
  }
}

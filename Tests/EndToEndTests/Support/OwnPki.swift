import Glibc
import Harness
import Testing

/// A copy of the test run's authority and server certificate that a test may change.
struct OwnPki {
  let scratch: Scratch
  var directory: String { scratch.path }

  /// `clients`: whose certificates, without the keys, are there too.
  init(clients: [String] = []) throws {
    scratch = try Scratch()
    let shared = try Pki.shared.get().directory
    for name in ["ca.crt", "ca.key", "server.crt", "server.key"] + clients.map({ "\($0).crt" }) {
      try Files.write(Files.read("\(shared)/\(name)"), to: "\(directory)/\(name)")
    }
  }

  var options: [String] {
    [
      "--certificate-file", "\(directory)/server.crt", "--key-file", "\(directory)/server.key",
      "--client-ca-file", "\(directory)/ca.crt",
    ]
  }
}

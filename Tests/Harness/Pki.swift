import Glibc

/// Certificates of a test run: made once, by jobctl, for all tests, and removed with the end of the process.
package struct Pki: Sendable {
  package let directory: String

  package static let shared = Result { try Pki() }

  private init() throws {
    let scratch = try Scratch()
    directory = scratch.path
    try make(scratch, "ca", "init", "--dir", directory)
    try make(scratch, "ca", "server", "--dir", directory, "--host", "localhost", "--host", "127.0.0.1")
    for client in ["alice", "bob"] { try make(scratch, "ca", "client", "--dir", directory, client) }
    // Another authority, with a client of the same name.
    let other = "\(directory)/other"
    try make(scratch, "ca", "init", "--dir", other)
    try make(scratch, "ca", "client", "--dir", other, "alice")
    atexit { if case .success(let pki) = Pki.shared { Files.removeTree(pki.directory) } }
  }

  /// A certificate of the right authority, unless there is one.
  package func add(client: String) throws {
    guard access("\(directory)/\(client).crt", F_OK) != 0 else { return }
    let scratch = try Scratch()
    defer { scratch.remove() }
    try make(scratch, "ca", "client", "--dir", directory, client)
  }

  /// Options of a daemon.
  package var serverOptions: [String] {
    [
      "--certificate-file", "\(directory)/server.crt", "--key-file", "\(directory)/server.key",
      "--client-ca-file", "\(directory)/ca.crt",
    ]
  }

  private func make(_ scratch: Scratch, _ arguments: String...) throws {
    let made = try Running(Programs.jobctl, arguments, directory: scratch).wait()
    guard made.status == 0 else { throw CannotMake(description: made.errorText) }
  }

  private struct CannotMake: Error, CustomStringConvertible {
    let description: String
  }
}

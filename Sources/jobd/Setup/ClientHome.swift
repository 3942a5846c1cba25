import CPlatform
import Glibc
import JobModel
import Platform

/// Where jobctl finds a user's certificate by itself, in a home that is that user's: looked at and written with the user's
/// rights alone.
struct ClientHome {
  enum State { case missing, ready, other }

  static let mostBytes = 1 << 16

  let account: Account
  private let authority: [UInt8]

  /// `authority`: its certificate.
  init(_ account: Account, authority: [UInt8]) { (self.account, self.authority) = (account, authority) }

  var directory: String { "\(account.home)/.config/jobd/pki" }

  func look() throws -> State {
    try Borrowed.rights(of: account) {
      var info = stat()
      guard lstat(directory, &info) == 0 else {
        guard errno == ENOENT else { throw SystemError(errno, "look at \(directory)") }
        return .missing
      }
      let isWhole = ["client.crt", "client.key"].allSatisfy { read($0) != nil }
      return isWhole && read("ca.crt") == authority ? .ready : .other
    }
  }

  /// The directory with all three files, or nothing. `issue`, which is called once there is a place for it, makes
  /// certificate and key.
  func make(_ issue: () throws -> (certificate: [UInt8], key: [UInt8])) throws {
    let draft = try Borrowed.rights(of: account) { try makeDraft() }
    do {
      let (certificate, key) = try issue()
      try Borrowed.rights(of: account) {
        try write(authority, "\(draft)/ca.crt", 0o644)
        try write(certificate, "\(draft)/client.crt", 0o644)
        try write(key, "\(draft)/client.key", 0o600)
        guard rename(draft, directory) == 0 else { throw SystemError(errno, "make \(directory)") }
      }
    } catch {
      try Borrowed.rights(of: account) {
        for name in ["ca.crt", "client.crt", "client.key"] { unlink("\(draft)/\(name)") }
        rmdir(draft)
      }
      throw error
    }
  }

  private func makeDraft() throws(SystemError) -> String {
    let parent = Path.directory(of: directory)
    for path in [Path.directory(of: parent), parent] {
      guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw SystemError(errno, "make \(path)") }
    }
    return try FreshDirectory.make(directory)
  }

  private func write(_ bytes: [UInt8], _ path: String, _ mode: mode_t) throws(SystemError) {
    let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
    guard file >= 0 else { throw SystemError(errno, "make \(path)") }
    defer { close(file) }
    try SystemError.check(jp_write_all(file, bytes, bytes.count), "write \(path)")
    guard fsync(file) == 0 else { throw SystemError(errno, "write \(path)") }
  }

  /// What is no file is not waited for.
  private func read(_ name: String) -> [UInt8]? {
    let file = open("\(directory)/\(name)", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var info = stat()
    guard fstat(file, &info) == 0, info.st_mode & S_IFMT == S_IFREG else { return nil }
    return SmallFile.whole(file, most: Self.mostBytes)
  }
}

import CJobSeal
import CPlatform
import Glibc
import JobModel
import JobStore
import Platform

/// The key by which secrets are stored: a file that the daemon's user alone may read, made when it is first needed. Once
/// read it holds until this process ends. Supervisor's thread only.
final class SecretsKey {
  private let path: String
  private let log: Log
  private var known: Sealer?
  /// What was logged last.
  private var failure: String?

  private static let size = Int(JC_SEAL_KEY_SIZE)

  init(_ path: String, log: Log) { (self.path, self.log) = (path, log) }

  /// `makes`: the file is made where there is none. The error names it.
  func sealer(makes: Bool) throws(DaemonError) -> Sealer {
    if let known { return known }
    do {
      var key = try makes ? readOrMake() : read()
      defer { jc_seal_wipe(&key, key.count) }
      let sealer = try Sealer(key)
      (known, failure) = (sealer, nil)
      return sealer
    } catch {
      let text = "\(error)"
      if text != failure { log.warn("secrets_key_failed", ["error": text]) }
      failure = text
      throw DaemonError(text)
    }
  }

  private func readOrMake() throws -> [UInt8] {
    do {
      let key = try read()
      // Whoever made it may have died before its name was on disk.
      try syncDirectory(Path.directory(of: path))
      return key
    } catch let error as SystemError where error.code == ENOENT {
      try make()
      log.info("secrets_key_made", ["file": path])
      return try read()
    }
  }

  private func read() throws -> [UInt8] {
    // What is no file is not waited for.
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard file >= 0 else { throw SystemError(errno, "open \(path)") }
    defer { close(file) }
    var info = stat()
    guard fstat(file, &info) == 0 else { throw SystemError(errno, "look at \(path)") }
    try check(info)
    guard let key = SmallFile.whole(file, most: Self.size), key.count == Self.size else {
      throw DaemonError("\(path) cannot be read whole")
    }
    return key
  }

  private func check(_ info: stat) throws(DaemonError) {
    guard info.st_mode & S_IFMT == S_IFREG else { throw DaemonError("\(path) is no file") }
    guard info.st_uid == geteuid() else {
      throw DaemonError(
        "\(path) is the user \(info.st_uid)'s: it has to be \(geteuid())'s, who the daemon runs as")
    }
    let mode = info.st_mode & 0o7777
    guard mode & 0o077 == 0 else {
      throw DaemonError(
        "\(path) is open to others (mode 0\(String(mode, radix: 8))): its mode has to be 0600, and whoever could read "
          + "it may have")
    }
    guard info.st_size == Self.size else {
      throw DaemonError("\(path) has \(info.st_size) bytes: a key has \(Self.size)")
    }
  }

  /// Whole or not at all, and never in another's place: what is there already is the key.
  private func make() throws(SystemError) {
    let draft = "\(path).\(getpid())"
    unlink(draft)
    let file = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw SystemError(errno, "make \(path)") }
    defer {
      close(file)
      unlink(draft)
    }
    var key = [UInt8](repeating: 0, count: Self.size)
    defer { jc_seal_wipe(&key, key.count) }
    try SystemError.check(jc_seal_new_key(&key), "make a key")
    try SystemError.check(jp_write_all(file, key, key.count), "write \(path)")
    guard fsync(file) == 0 else { throw SystemError(errno, "write \(path)") }
    guard link(draft, path) == 0 || errno == EEXIST else { throw SystemError(errno, "make \(path)") }
    try syncDirectory(Path.directory(of: path))
  }
}

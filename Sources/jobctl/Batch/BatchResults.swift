import Glibc
import JobAPI
import JobClient
import Platform

/// The directory with the results: `N.stdout` and `N.stderr` of line N, and ``BatchLedger``. A command is in it once all of its
/// output is there. Any thread.
final class BatchResults: Sendable {
  private let directory: String
  /// ``BatchPack/rule`` of the batch.
  let packs: String
  private let ledger: BatchLedger
  private let retries: Int
  /// Files that are being written.
  private let parts = Mutex<Set<String>>([])

  /// Creates the directory, where there is none.
  init(_ directory: String, key: String, packs: String, retries: Int) throws {
    (self.directory, self.packs, self.retries) = (directory, packs, retries)
    guard mkdir(directory, 0o777) == 0 || errno == EEXIST else {
      throw SystemError(errno, "create \(directory)")
    }
    ledger = try BatchLedger(in: directory, key: key, packs: packs)
  }

  /// Whether a command succeeded whose results an earlier run has kept; nil: it is to be run, or looked for.
  func known(_ line: Int, _ command: String) throws -> Bool? {
    try ledger.known(line, command, retries: retries)
  }

  /// Fetches the output, and writes the record then.
  func keep(_ record: BatchRecord, _ client: JobClient, _ bridge: Bridge) throws {
    var record = record
    if let id = record.id, record.status != nil {
      do {
        let detail = try bridge.call { try client.detail(id) }
        record.times = detail.times
        try fetch(.stdout, of: id, empty: detail.stdoutBytes == 0, "\(record.line).stdout", client, bridge)
        try fetch(.stderr, of: id, empty: detail.stderrBytes == 0, "\(record.line).stderr", client, bridge)
      } catch ClientError.notFound {
        record.error = "its job was removed before its output was read"
      }
    }
    try ledger.append(record)
  }

  private func fetch(
    _ stream: OutputStream, of id: JobID, empty: Bool, _ name: String, _ client: JobClient, _ bridge: Bridge
  ) throws {
    let (path, part) = ("\(directory)/\(name)", "\(directory)/.\(name).part")
    _ = parts.withLock { $0.insert(part) }
    defer {
      // Nothing is there once it has its name.
      unlink(part)
      _ = parts.withLock { $0.remove(part) }
    }
    try bridge.call {
      let output = try Self.create(part)
      defer { close(output) }
      guard !empty else { return }
      try client.stream(stream.route, stream.route.target(id)) { try WholeWrite.write($0, output, part) }
    }
    guard rename(part, path) == 0 else { throw SystemError(errno, "rename \(part) to \(path)") }
  }

  /// A file of its own, whatever was there by that name: it may be a link to another's.
  private static func create(_ path: String) throws(SystemError) -> Int32 {
    guard unlink(path) == 0 || errno == ENOENT else { throw SystemError(errno, "remove \(path)") }
    let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard file >= 0 else { throw SystemError(errno, "create \(path)") }
    return file
  }

  /// Removes what is half written: nobody will finish it.
  func abandon() {
    parts.withLock { for part in $0 { unlink(part) } }
  }
}

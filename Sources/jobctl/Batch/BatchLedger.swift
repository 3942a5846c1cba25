import FoundationEssentials
import Glibc
import JobAPI
import JobClient
import Platform

/// `results.jsonl`: a line of JSON for each command of one batch whose end is known. One process has it at a time. Any thread.
final class BatchLedger: Sendable {
  private struct Known {
    let command: Int
    let attempts: Int
    let succeeded: Bool
  }

  private let path: String
  private let file: Int32
  /// What earlier runs have kept, by line.
  private let before: [Int: Known]
  /// Why nothing more is written. Held while a line is written: after one that is torn there must be no other.
  private let fault = Mutex<(any Error)?>(nil)

  /// Creates it in `directory`, where there is none. `packs`: ``BatchPack/rule`` of the batch.
  init(in directory: String, key: String, packs: String) throws {
    path = "\(directory)/results.jsonl"
    // Of what is no file nothing is waited for.
    file = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o666)
    guard file >= 0 else {
      if errno == ELOOP || errno == ENXIO { throw Self.isNoFile(path) }
      throw SystemError(errno, "open \(path)")
    }
    do {
      var facts = stat()
      guard fstat(file, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else { throw Self.isNoFile(path) }
      guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
        throw UsageError("--results \(directory): another jobctl keeps its results there", command: "batch")
      }
      before = try Self.load(file, path, key, packs)
    } catch {
      close(file)
      throw error
    }
  }

  deinit { close(file) }

  private static func isNoFile(_ path: String) -> UsageError {
    UsageError(
      "\(path) must be a regular file, and no link: remove it, or give another directory", command: "batch")
  }

  /// A line that was not written whole is cut off: a crash left it.
  private static func load(
    _ file: Int32, _ path: String, _ key: String, _ packs: String
  ) throws -> [Int: Known] {
    var known: [Int: Known] = [:]
    var (lines, whole) = (LineSplitter(), 0)
    var block = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(file, &block, block.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw SystemError(errno, "read \(path)") }
      guard count > 0 else { break }
      try block[..<count].withUnsafeBytes { bytes in
        try lines.add(bytes) { line in
          let record = try record(line, path, key, packs)
          known[record.line] = Known(
            command: record.command.hashValue, attempts: record.attempts, succeeded: record.succeeded)
          whole += line.count + 1
        }
      }
    }
    guard !lines.hasRest || ftruncate(file, off_t(whole)) == 0 else {
      throw SystemError(errno, "change \(path)")
    }
    return known
  }

  private static func record(
    _ line: ArraySlice<UInt8>, _ path: String, _ key: String, _ packs: String
  ) throws -> BatchRecord.Known {
    guard let record = try? JSONDecoder().decode(BatchRecord.Known.self, from: Data(line)) else {
      throw UsageError("\(path) holds what is none of a batch's results", command: "batch")
    }
    guard record.batch == key else {
      throw UsageError(
        "\(path) has the results of the batch \"\(Text.printable(record.batch))\": go on with it by --key, or give another directory",
        command: "batch")
    }
    // Lines whose results are here are not sent: the others would be taken for new ones.
    guard record.packs == packs else {
      throw UsageError(
        "\(path) has results of this batch with another -j, or other options for its jobs: give the same, or another directory and --key",
        command: "batch")
    }
    return record
  }

  /// Whether a command succeeded whose results an earlier run has kept; nil: it is to be run, or looked for. `retries`: how often a
  /// command that fails is run more.
  func known(_ line: Int, _ command: String, retries: Int) throws(BatchConflict) -> Bool? {
    guard let known = before[line] else { return nil }
    guard known.command == command.hashValue else {
      throw BatchConflict(
        line: line,
        text: "it is not the command whose results are in \(path): give the same, or another directory")
    }
    return known.succeeded || known.attempts > retries ? known.succeeded : nil
  }

  /// Writes it whole or not at all. After one that was not, each call fails with the same error: the disk may have room again, but
  /// of the torn line a part may be there.
  func append(_ record: BatchRecord) throws {
    let line = JSONBody.encode(record) + [0x0a]
    try fault.withLock { fault in
      if let fault { throw fault }
      let end = lseek(file, 0, SEEK_END)
      do {
        try line.withUnsafeBytes { try WholeWrite.write($0, file, path) }
      } catch {
        fault = error
        // Else the next run cuts it off.
        if end >= 0 { _ = ftruncate(file, end) }
        throw error
      }
    }
  }
}

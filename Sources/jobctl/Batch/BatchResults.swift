import FoundationEssentials
import Glibc
import JobAPI
import JobClient
import Platform

/// The directory with the results: `N.stdout` and `N.stderr` of line N, and a line of JSON a command in `results.jsonl`. A
/// command is there once all of it is. Any thread.
final class BatchResults: Sendable {
  private struct Known {
    let command: Int
    let attempts: Int
    let succeeded: Bool
  }

  private let directory: String
  private let key: String
  /// ``BatchPack/rule`` of the batch.
  let packs: String
  private let file: Int32
  private let retries: Int
  /// What earlier runs have kept, by line.
  private let before: [Int: Known]
  /// Files that are being written.
  private let parts = Mutex<Set<String>>([])

  /// Creates the directory, where there is none.
  init(_ directory: String, key: String, packs: String, retries: Int) throws {
    (self.directory, self.key, self.packs, self.retries) = (directory, key, packs, retries)
    guard mkdir(directory, 0o777) == 0 || errno == EEXIST else {
      throw SystemError(errno, "create \(directory)")
    }
    let path = "\(directory)/results.jsonl"
    file = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
    guard file >= 0 else { throw SystemError(errno, "open \(path)") }
    guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
      close(file)
      throw UsageError("--results \(directory): another jobctl keeps its results there", command: "batch")
    }
    do {
      before = try Self.load(file, path, key, packs)
    } catch {
      close(file)
      throw error
    }
  }

  deinit { close(file) }

  /// A line that was not written whole is cut off: a crash left it.
  private static func load(
    _ file: Int32, _ path: String, _ key: String, _ packs: String
  ) throws -> [Int: Known] {
    var known: [Int: Known] = [:]
    var (pending, whole) = ([UInt8](), 0)
    var block = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(file, &block, block.count)
      guard count >= 0 else { throw SystemError(errno, "read \(path)") }
      guard count > 0 else { break }
      pending += block[..<count]
      while let end = pending.firstIndex(of: 0x0a) {
        let record = try record(pending[..<end], path, key, packs)
        known[record.line] = Known(
          command: record.command.hashValue, attempts: record.attempts, succeeded: record.succeeded)
        whole += end + 1
        pending.removeFirst(end + 1)
      }
    }
    guard pending.isEmpty || ftruncate(file, off_t(whole)) == 0 else {
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

  /// Whether a command succeeded whose results an earlier run has kept; nil: it is to be run, or looked for.
  func known(_ line: Int, _ command: String) throws -> Bool? {
    guard let known = before[line] else { return nil }
    guard known.command == command.hashValue else {
      throw BatchConflict(
        line: line,
        text: "it is not the command whose results are in \(directory): give the same, or another directory")
    }
    return known.succeeded || known.attempts > retries ? known.succeeded : nil
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
    let line = JSONBody.encode(record) + [0x0a]
    guard Glibc.write(file, line, line.count) == line.count else {
      throw SystemError(errno, "write \(directory)/results.jsonl")
    }
  }

  private func fetch(
    _ stream: OutputStream, of id: JobID, empty: Bool, _ name: String, _ client: JobClient, _ bridge: Bridge
  ) throws {
    let (path, part) = ("\(directory)/\(name)", "\(directory)/.\(name).part")
    _ = parts.withLock { $0.insert(part) }
    defer { _ = parts.withLock { $0.remove(part) } }
    try bridge.call {
      let output = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
      guard output >= 0 else { throw SystemError(errno, "create \(part)") }
      defer { close(output) }
      guard !empty else { return }
      let route = stream == .stdout ? Route.stdout : .stderr
      try client.stream(route, route.target(id)) { try Self.write($0, output, part) }
    }
    guard rename(part, path) == 0 else { throw SystemError(errno, "rename \(part)") }
  }

  private static func write(_ bytes: UnsafeRawBufferPointer, _ file: Int32, _ path: String) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = Glibc.write(file, UnsafeRawBufferPointer(rebasing: rest).baseAddress!, rest.count)
      guard count >= 0 || errno == EINTR else { throw SystemError(errno, "write \(path)") }
      rest = rest.dropFirst(max(0, count))
    }
  }

  /// Removes what is half written: nobody will finish it.
  func abandon() {
    parts.withLock { for part in $0 { unlink(part) } }
  }
}

import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// The order of system calls, seen from outside: nothing is told before it is on disk. What the supervisor tells the api
/// process is all that a client can learn: it makes the ids, and it alone sees a job end.
@Suite(.serialized, .enabled(if: geteuid() == 0)) struct DurabilityTraceTests {
  private static let calls = [
    "openat", "write", "pwrite64", "fdatasync", "fsync", "sendto", "unlinkat",
  ]

  @Test func nothingIsToldBeforeItIsOnDisk() throws {
    let file = try Scratch()
    defer { file.remove() }
    let path = "\(file.path)/trace"
    let audit = "\(file.path)/audit.log"
    let daemon = try Daemon(["--audit-file", audit], under: SystemCallTrace.command(Self.calls, to: path))
    var (deleted, state) = ([JobID](), "")
    Daemon.with(daemon) { daemon in
      deleted = try work(daemon)
      state = daemon.state
      let pid = daemon.pid
      _ = try daemon.stop()
      try Poll.until("strace to write its last line") {
        Files.text(path).split(separator: "\n").contains { $0.hasPrefix("\(pid) ") && $0.hasSuffix(" +++") }
      }
      try check(Trace(Files.text(path), supervisor: pid, state: state, audit: audit), deleted)
    }
  }

  /// Several clients at once, whose changes share transactions; the deleted jobs.
  private func work(_ daemon: Daemon) throws -> [JobID] {
    let running = try (0..<8).map { index in
      let script = "echo \(index); sleep 0.1; echo \(index); exit \(index)"
      guard index % 2 == 0 else { return try daemon.startJobctl(["run", "sh", "-c", script]) }
      // One that is answered with its end, which is launched while its creation is on the way to the disk.
      let request = RunRequest(CreateRequest(cmd: "sh", args: ["-c", script]))
      return try daemon.startCurl(
        "/jobs:run", ["-d", String(decoding: JSONBody.encode(request), as: UTF8.self)])
    }
    for (index, running) in running.enumerated() {
      let done = try running.wait()
      #expect(index % 2 == 0 ? done.text.contains("\"exit_code\":\(index)") : done.status == Int32(index))
    }
    let client = daemon.client()
    let ids = try client.list().jobs.map(\.id)
    for id in ids.prefix(4) { try client.delete(id) }
    return Array(ids.prefix(4))
  }

  private func check(_ trace: Trace, _ deleted: [JobID]) throws {
    var counts = (created: 0, ended: 0, deleted: 0)
    for (told, call) in try trace.events() {
      switch told {
      case .created(let id), .running(let id):
        if case .created = told {
          counts.created += 1
          let isAudited = trace.audited(id, before: call)
          #expect(isAudited, "\(id) was told before its line of the audit trail was on disk")
        }
        let isOnDisk = trace.committed(id, after: 0, before: call) != nil
        #expect(isOnDisk, "\(id) was told before it was on disk")
        let isKnown = try trace.committed(id, after: 0, before: #require(trace.outputMade(id))) != nil
        #expect(isKnown, "\(id) had a file before it was on disk")
      case .ended(let id, let bytes):
        counts.ended += 1
        #expect(bytes == 4)
        // Not until its output is whole on disk is an end on its way there itself.
        let output = trace.outputOnDisk(id, before: call) ?? .max
        let isOnDisk = trace.committed(id, after: output, before: call) != nil
        #expect(isOnDisk, "the end of \(id) was told before it was on disk")
      case .deleted(let id):
        counts.deleted += 1
        let isRemoved = trace.removed(id, before: call)
        #expect(isRemoved, "\(id) was told as deleted before it was")
      }
    }
    #expect(counts == (8, 8, 4))
    #expect(deleted.count == 4)
  }
}

/// A daemon's system calls and what they mean.
private struct Trace {
  private let calls: [SystemCallTrace.Call]
  private let supervisor: Int32
  private let state, audit: String
  private var wal: String { "\(state)/jobd.db-wal" }

  init(_ text: String, supervisor: Int32, state: String, audit: String) {
    calls = SystemCallTrace(text).calls
    (self.supervisor, self.state, self.audit) = (supervisor, state, audit)
  }

  /// What the supervisor told, and the number of the line where that began.
  func events() throws -> [(TracedEvents.Told, Int)] {
    let sent = calls.indices.filter { calls[$0].thread == supervisor && calls[$0].name == "sendto" }
    let events = try TracedEvents(sent.map { ($0, calls[$0].bytes.prefix(Int(calls[$0].result) ?? 0)) })
    return events.all.map { ($0.told, calls[$0.call].begin) }
  }

  /// The end of the first fdatasync of the log that holds the job's record, written after line `after`; nil when it
  /// did not end before line `before`.
  func committed(_ id: JobID, after: Int, before: Int) -> Int? {
    let record = [id.high, id.low].flatMap { word in (0..<8).map { UInt8(word >> (56 - 8 * $0) & 0xff) } }
    let written = calls.filter {
      $0.name == "pwrite64" && $0.path == wal && $0.begin > after && contains($0.bytes, record)
    }
    guard let first = written.map(\.end).min() else { return nil }
    return synced(wal, after: first, before: before)
  }

  /// Its first line in the audit trail is on disk.
  func audited(_ id: JobID, before: Int) -> Bool {
    let written = calls.first {
      $0.name == "write" && $0.path == audit && contains($0.bytes, Array("\(id)".utf8))
    }
    return written.map { synced(audit, after: $0.end, before: before) != nil } ?? false
  }

  private func directory(of id: JobID) -> String { "\(state)/output/\("\(id)".suffix(2))" }

  private func made(_ file: String) -> SystemCallTrace.Call? {
    calls.first { $0.name == "openat" && $0.path == file && $0.thread == supervisor }
  }

  /// When its file was.
  func outputMade(_ id: JobID) -> Int? { made("\(directory(of: id))/\(id).stdout")?.begin }

  /// When the output was written, synced and its name too.
  func outputOnDisk(_ id: JobID, before: Int) -> Int? {
    let directory = directory(of: id)
    let file = "\(directory)/\(id).stdout"
    let made = made(file)
    let written = calls.filter { $0.name == "write" && $0.path == file && $0.begin < before }
    guard let made, let last = written.map(\.end).max(),
      written.reduce(0, { $0 + (Int($1.result) ?? 0) }) == 4,
      let content = synced(file, after: last, before: before),
      let name = synced(directory, after: made.end, before: before)
    else { return nil }
    return max(content, name)
  }

  private func synced(_ path: String, after: Int, before: Int) -> Int? {
    calls.filter {
      ["fdatasync", "fsync"].contains($0.name) && $0.path == path && $0.result == "0" && $0.begin > after
        && $0.end < before
    }.map(\.end).min()
  }

  /// The deletion is in the log, on disk, and the files went after that.
  func removed(_ id: JobID, before: Int) -> Bool {
    let event = [id.high, id.low].flatMap { word in (0..<8).map { UInt8(word >> (8 * $0) & 0xff) } }
    let unlinked = calls.first { $0.name == "unlinkat" && contains($0.bytes, Array("\(id).stdout".utf8)) }
    guard let unlinked, unlinked.end < before else { return false }
    // The job's creation and end are told with the same bytes: the last of its events before the files went.
    let events = calls.filter {
      $0.name == "pwrite64" && $0.path == wal && $0.end < unlinked.begin && contains($0.bytes, event)
    }
    guard events.count >= 3, let last = events.map(\.end).max() else { return false }
    return synced(wal, after: last, before: unlinked.begin) != nil
  }

  private func contains(_ bytes: [UInt8], _ part: [UInt8]) -> Bool {
    bytes.withUnsafeBytes { all in
      var rest = all[...]
      while rest.count >= part.count {
        let place = UnsafeRawBufferPointer(rebasing: rest)
        guard let found = memchr(place.baseAddress!, Int32(part[0]), rest.count - part.count + 1) else {
          return false
        }
        if memcmp(found, part, part.count) == 0 { return true }
        rest = rest.dropFirst(UnsafeRawPointer(found) - place.baseAddress! + 1)
      }
      return false
    }
  }
}

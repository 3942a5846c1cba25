import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// What was answered by a daemon that is killed meanwhile.
protocol Promises {
  init(_ daemon: Daemon)
  /// Asks for things until something is not answered. True: all of it was.
  func work() -> Bool
  /// Holds the daemon, started again, to all that was answered.
  func check() throws
}

/// What a client did with a daemon that was killed in the midst of it, and what was answered: the answers are promises.
final class Ledger: Promises {
  private struct Entry {
    let name: String
    let exitCode: Int32
    var id: JobID?
    /// The end that was answered: by the daemon, or its successor after a kill.
    var end: StatusReply?
    var deleteAsked = false
    var deleted = false
  }

  private let daemon: Daemon
  private var entries: [Entry] = []

  init(_ daemon: Daemon) { self.daemon = daemon }

  private var runs: String { "\(daemon.scratch.path)/runs" }

  /// Says that it ran, writes to both streams and ends.
  private func request(_ entry: Entry) -> CreateRequest {
    let script = "echo \(entry.name) >>\(runs); echo out \(entry.name); echo err >&2; exit \(entry.exitCode)"
    return CreateRequest(cmd: "sh", args: ["-c", script])
  }

  /// Creates, waits for and deletes jobs.
  func work() -> Bool {
    let client = daemon.client()
    do {
      for round in 0..<4 {
        let index = entries.count
        entries.append(Entry(name: "job-\(round)", exitCode: Int32(round + 1)))
        entries[index].id = try client.create(request(entries[index]), key: entries[index].name)
        entries[index].end = try client.end(of: entries[index].id!)
        guard round % 2 == 1 else { continue }
        entries[index - 1].deleteAsked = true
        try client.delete(entries[index - 1].id!)
        entries[index - 1].deleted = true
      }
      return true
    } catch {
      return false
    }
  }

  func check() throws {
    let client = daemon.client()
    let known = Set(try client.list().jobs.map(\.id))
    for index in entries.indices { try check(&entries[index], client, known) }
    let listed = Set(try client.list().jobs.map(\.id))
    #expect(listed == Set(entries.filter { !$0.deleted }.compactMap(\.id)), "no more jobs, and no fewer")
    try Poll.until("files of deleted jobs to be gone") { daemon.jobsWithFiles.isSubset(of: listed) }
    let ran = Files.text(runs).split(separator: "\n")
    for entry in entries { #expect(ran.filter { $0 == entry.name }.count <= 1, "\(entry.name) ran twice") }
  }

  private func check(_ entry: inout Entry, _ client: JobClient, _ known: Set<JobID>) throws {
    if entry.deleteAsked, let id = entry.id {
      guard known.contains(id) else {
        entry.deleted = true
        return
      }
      #expect(!entry.deleted, "\(entry.name) was deleted")
    }
    // A retry of what was answered gives the same job; of what was not, one job.
    let id = try client.create(request(entry), key: entry.name)
    #expect(entry.id == nil || entry.id == id, "\(entry.name) is another job")
    entry.id = id
    let status = try client.end(of: id)
    #expect(entry.end == nil || entry.end == status, "\(entry.name) ended twice: \(status)")
    guard status.status == .completed else { return #expect(status.exitCode == nil) }
    #expect(status.exitCode == entry.exitCode && status.errorMessage == nil, "\(entry.name): \(status)")
    let output = try client.output(id)
    #expect(output.stdout == "out \(entry.name)\n" && output.stderr == "err\n", "\(entry.name)")
  }
}

extension Daemon {
  var jobsWithFiles: Set<JobID> {
    let shards = Files.list("\(state)/output")
    let names = shards.flatMap { Files.list("\(state)/output/\($0)") }
    return Set(names.compactMap { JobID($0.prefix(36)) })
  }
}

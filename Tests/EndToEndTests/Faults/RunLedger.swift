import FoundationEssentials
import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// What a client asked for by run requests of a daemon of which a process was killed in the midst of it, and what was
/// answered.
final class RunLedger: Promises {
  private enum Kind: CaseIterable {
    case kept, keyed, short, long, large, batchKept, batchRemoved
  }

  private struct Entry {
    let kind: Kind
    let exitCode: Int32
    var answered: RunReply?

    init(_ kind: Kind) { (self.kind, exitCode) = (kind, Int32(Kind.allCases.firstIndex(of: kind)! + 1)) }

    var name: String { "\(kind)" }
    var removes: Bool { ![.kept, .keyed, .batchKept].contains(kind) }
    /// More than is held in memory, of a large one.
    var output: OutputReply {
      let rest = kind == .large ? String(repeating: "\0", count: 100_000) : ""
      return OutputReply(stdout: "out \(name)\n\(rest)", stderr: "err\n")
    }
  }

  private let daemon: Daemon
  private var entries: [Entry] = []
  private let launches: String
  private let go: Go

  init(_ daemon: Daemon) {
    self.daemon = daemon
    (launches, go) = ("\(daemon.scratch.path)/launches", Go(daemon.scratch))
  }

  /// Says that it was launched, writes to both streams and ends; a long one not before it may.
  private func request(_ entry: Entry) -> RunRequest {
    let last =
      switch entry.kind {
      case .long: go.wait
      case .large: "head -c 100000 /dev/zero"
      default: ":"
      }
    let script = "echo $0 >>\(launches); echo out $0; echo err >&2; \(last); exit \(entry.exitCode)"
    return RunRequest(
      CreateRequest(cmd: "sh", args: ["-c", script, entry.name]), removes: entry.removes ? true : nil)
  }

  func work() -> Bool {
    let client = daemon.client()
    do {
      for kind in [Kind.kept, .keyed, .short, .large] {
        entries.append(Entry(kind))
        let entry = entries.last!
        entries[entries.count - 1].answered = try client.run(
          request(entry), key: kind == .keyed ? entry.name : nil)
      }
      return try workAtLength(client) && workInBatch()
    } catch {
      return false
    }
  }

  /// It may end once it is on record.
  private func workAtLength(_ client: JobClient) throws -> Bool {
    let entry = Entry(.long)
    entries.append(entry)
    let run = try daemon.startCurl("/jobs:run", ["-d", Self.text(request(entry))])
    try Poll.until("a long job to be stored, or the daemon's end") {
      run.hasEnded || (try? client.list().jobs.contains { Self.name($0) == entry.name }) == true
    }
    if !run.hasEnded { try go() }
    let done = try run.wait()
    guard done.status == 0 else { return false }
    entries[entries.count - 1].answered = try JSONDecoder().decode(RunReply.self, from: Data(done.output))
    return true
  }

  private func workInBatch() throws -> Bool {
    let both = [Entry(.batchKept), Entry(.batchRemoved)]
    entries += both
    let jobs = both.map { Self.text(request($0)) }.joined(separator: ",")
    let done = try daemon.startCurl("/jobs:batch?run=1", ["-N", "-d", "{\"jobs\":[\(jobs)]}"]).wait()
    // Each line that is whole is an answer.
    for line in done.output.split(separator: 10, omittingEmptySubsequences: false).dropLast() {
      let reply = try JSONDecoder().decode(RunReply.self, from: Data(line))
      let index = try #require(entries.firstIndex { $0.exitCode == reply.state.exitCode })
      entries[index].answered = reply
    }
    return done.status == 0
  }

  private static func text(_ request: RunRequest) -> String {
    String(decoding: JSONBody.encode(request), as: UTF8.self)
  }

  private static func name(_ job: JobDetail) -> String? {
    job.request.args.count == 3 ? job.request.args[2] : nil
  }

  // MARK: Afterwards

  func check() throws { try check(mayLose: true) }

  /// `mayLose`: the supervisor was killed, and with it jobs that had run for less than a second.
  func check(mayLose: Bool) throws {
    let client = daemon.client()
    try Poll.until("no process of a job that is not there") {
      let running = try client.list(["state": "running"]).jobs
      return !running.isEmpty || processes.isEmpty
    }
    try go()
    for job in try client.list().jobs { _ = try client.end(of: job.id) }
    let jobs = try client.list().jobs
    for entry in entries { try check(entry, jobs.filter { Self.name($0) == entry.name }, client, mayLose) }
    #expect(jobs.allSatisfy { job in entries.contains { $0.name == Self.name(job) } })
    try Poll.until("no process") { processes.isEmpty }
    #expect(!daemon.log.contains("unknown_files_kept"), "files without a record")
    let listed = Set(try client.list().jobs.map(\.id))
    try Poll.until("no file without a record") { daemon.jobsWithFiles.isSubset(of: listed) }
  }

  private func check(_ entry: Entry, _ jobs: [JobDetail], _ client: JobClient, _ mayLose: Bool) throws {
    #expect(jobs.count <= 1, "\(entry.name) is there twice")
    if let reply = entry.answered {
      #expect(
        reply.state.exitCode == entry.exitCode && reply.output == entry.output, "\(entry.name): \(reply)")
      #expect(entry.removes || jobs.map(\.id) == [reply.id], "\(entry.name) is gone")
      #expect(launchesSeen(entry) == 1)
    } else if !mayLose {
      #expect(launchesSeen(entry) == jobs.count, "\(entry.name) ran, and its result is gone")
    }
    for job in jobs { try check(entry, job, client, mayLose) }
    if entry.kind == .keyed {
      let again = try client.run(request(entry), key: entry.name)
      #expect(entry.answered == nil || entry.answered == again, "\(entry.name) has another result: \(again)")
    }
    #expect(launchesSeen(entry) <= 1, "\(entry.name) ran twice")
  }

  private func check(_ entry: Entry, _ job: JobDetail, _ client: JobClient, _ mayLose: Bool) throws {
    let status = try client.status(job.id)
    guard status.status == .completed else {
      // What was kept and answered is what it was.
      return #expect(mayLose && (entry.removes || entry.answered == nil), "\(entry.name): \(status)")
    }
    #expect(status.exitCode == entry.exitCode && status.errorMessage == nil, "\(entry.name): \(status)")
    #expect(try client.output(job.id) == entry.output, "\(entry.name)")
  }

  private func launchesSeen(_ entry: Entry) -> Int {
    Files.text(launches).split(separator: "\n").count { $0 == entry.name }
  }

  /// Those of this daemon's jobs, whoever started them.
  private var processes: [Int32] {
    Files.list("/proc").compactMap { Int32($0) }.filter {
      Processes.isOfJob($0) && Files.text("/proc/\($0)/cmdline").contains(launches)
    }
  }
}

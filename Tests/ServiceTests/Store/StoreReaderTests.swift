import Glibc
import JobAPI
import Testing

@testable import JobModel
@testable import JobStore

@Suite struct StoreReaderTests {
  private func indexes(_ page: JobPage) -> [Int] {
    page.jobs.map { Int(($0.record.created - 1_767_225_600_000_000) / 1000) }
  }

  @Test func listsNewestFirstPageByPage() throws {
    let fixture = try StoreFixture()
    _ = try fixture.applyTogether((1...25).map { .create(.sample($0)) } + [.create(.sample(99, client: 2))])
    let reader = try StoreReader(path: fixture.path)
    let first = try reader.list(client: 1, JobFilter(), before: nil, limit: 10)
    #expect(indexes(first) == Array((16...25).reversed()))
    #expect(first.jobs.first?.plan == .sample)
    // What comes and goes meanwhile neither repeats nor hides one.
    _ = try fixture.applyTogether([
      .create(.sample(30)), .delete(client: 1, id: JobRecord.sample(16).id),
      .delete(client: 1, id: JobRecord.sample(12).id),
    ])
    let second = try reader.list(client: 1, JobFilter(), before: first.next, limit: 10)
    #expect(indexes(second) == [15, 14, 13, 11, 10, 9, 8, 7, 6, 5])
    let third = try reader.list(client: 1, JobFilter(), before: second.next, limit: 4)
    #expect(indexes(third) == [4, 3, 2, 1])
    #expect(third.next == nil, "a full page that is the last says so")
  }

  /// As if all were one client's, whatever the size of the pages.
  @Test func listsAllClientsNewestFirstPageByPage() throws {
    let fixture = try StoreFixture()
    let clients: [Int64] = [1, 1, 1, 1, 2, 3, 2, 1, 3, 3, 2, 2, 1, 1, 3, 2, 1, 2, 3, 1]
    _ = try fixture.applyTogether(
      clients.enumerated().map { index, client in
        .create(.sample(index, client: client), .labelled(["even": "\(index % 2 == 0)"]))
      })
    let reader = try StoreReader(path: fixture.path)
    let start = String(JobRecord.sample(0).id.description.prefix(6))
    for (filter, expected) in [
      (JobFilter(), Array(0..<20)), (JobFilter(match: start), Array(0..<20)),
      (JobFilter(labels: ["even=true"]), Array(stride(from: 0, to: 20, by: 2))),
      (JobFilter(since: JobRecord.sample(7).created), Array(7..<20)),
      (JobFilter(match: String(JobRecord.sample(9, client: 3).id.description.suffix(8))), [9]),
      (JobFilter(states: [.error]), []), (JobFilter(match: "zzzz"), []),
    ] as [(JobFilter, [Int])] {
      for limit in [1, 3, 7, 20] {
        var (found, cursor): ([Int], JobID?) = ([], nil)
        repeat {
          let page = try reader.listAll(filter, before: cursor, limit: limit)
          #expect(page.jobs.count <= limit)
          found += indexes(page)
          cursor = page.next
        } while cursor != nil
        #expect(found == expected.reversed(), "\(filter) \(limit)")
      }
    }
    for (index, client) in clients.enumerated() {
      #expect(try reader.owner(of: JobRecord.sample(index, client: client).id) == client)
    }
    #expect(try reader.owner(of: JobID(high: 1, low: 2)) == nil && reader.clientName(99) == nil)
  }

  /// Of jobs with many arguments a page has few.
  @Test func aPageIsBoundedInBytes() throws {
    let fixture = try StoreFixture()
    var request = CreateRequest(cmd: "/bin/echo", args: [String(repeating: "x", count: 2 << 20)])
    request.labels = ["a": "b"]
    for index in 0..<6 { _ = try fixture.applyTogether([.create(.sample(index), JobPlan(request))]) }
    let reader = try StoreReader(path: fixture.path)
    let match = JobFilter(match: String(JobRecord.sample(0).id.description.prefix(6)))
    for page in [
      try reader.listAll(JobFilter(), before: nil, limit: 6),
      try reader.listAll(match, before: nil, limit: 6),
      try reader.list(client: 1, match, before: nil, limit: 6),
      try reader.list(client: 1, JobFilter(), before: nil, limit: 6),
    ] {
      #expect(page.jobs.count == 2 && page.next != nil)
    }
  }

  @Test func filters() throws {
    let fixture = try StoreFixture()
    var failed = JobRecord.sample(3).finished()
    failed.state = .error
    _ = try fixture.applyTogether([
      .create(.sample(1), .labelled(["team": "a", "kind": "x"])),
      .create(.sample(2), .labelled(["team": "b"])),
      .create(.sample(3), .labelled(["team": "a"])), .create(.sample(4)),
      .finish(failed, log: [], files: []), .finish(JobRecord.sample(4).finished(), log: [], files: []),
    ])
    let reader = try StoreReader(path: fixture.path)
    func list(_ filter: JobFilter) throws -> [Int] {
      indexes(try reader.list(client: 1, filter, before: nil, limit: 10))
    }
    #expect(try list(JobFilter(states: [.running])) == [2, 1])
    #expect(try list(JobFilter(states: [.error])) == [3])
    #expect(try list(JobFilter(states: [.completed])) == [4])
    #expect(try list(JobFilter(states: [.completed, .error])) == [4, 3])
    #expect(try list(JobFilter(labels: ["team=a"])) == [3, 1])
    #expect(try list(JobFilter(labels: ["team=a", "team=b"])) == [], "both are to hold")
    #expect(try list(JobFilter(states: [.running], labels: ["team=a", "kind=x"])) == [1])
    #expect(try list(JobFilter(labels: ["team=c"])) == [])
    #expect(try list(JobFilter(since: JobRecord.sample(3).created)) == [4, 3])
    #expect(try list(JobFilter(since: JobRecord.sample(3).created + 1)) == [4])
    let text = JobRecord.sample(2).id.description
    #expect(try list(JobFilter(match: String(text.suffix(6)))) == [2])
    #expect(try list(JobFilter(match: String(text.prefix(36)))) == [2])
    #expect(try list(JobFilter(match: String(text.prefix(6)))) == [4, 3, 2, 1])
    #expect(try list(JobFilter(states: [.running], match: String(text.prefix(6)))) == [2, 1])
    #expect(try list(JobFilter(match: "zz")) == [])
  }

  @Test func oneCallLooksAtABoundedNumberOfJobs() throws {
    let fixture = try StoreFixture()
    _ = try fixture.applyTogether((1...6000).map { .create(.sample($0)) })
    let reader = try StoreReader(path: fixture.path)
    let filter = JobFilter(labels: ["no=such"])
    let first = try reader.list(client: 1, filter, before: nil, limit: 10)
    #expect(first.jobs.isEmpty)
    #expect(first.next == JobRecord.sample(1001).id)
    #expect(try reader.list(client: 1, filter, before: first.next, limit: 10).next == nil)
  }

  @Test func leavesNoTransactionOpen() throws {
    let fixture = try StoreFixture()
    _ = try fixture.applyTogether((1...100).map { .create(.sample($0)) })
    let reader = try StoreReader(path: fixture.path)
    #expect(try reader.list(client: 1, JobFilter(), before: nil, limit: 3).jobs.count == 3)
    #expect(try reader.events(client: 1, after: 0, limit: 3).events.count >= 3)
    #expect(try reader.job(client: 1, id: JobRecord.sample(1).id) != nil)
    #expect(try reader.clientNumber("client 1") == 1)
    fixture.store.close()
    var info = stat()
    #expect(stat("\(fixture.path)/jobd.db-wal", &info) != 0 || info.st_size == 0)
  }

  /// Where the api process runs as a user of its own, that user can read and not write.
  @Test(.enabled(if: geteuid() == 0)) func readsAsAnotherUser() throws {
    let nobody: uid_t = 65534
    let fixture = try StoreFixture(group: nobody)
    chmod(fixture.path, 0o750)
    chown(fixture.path, 0, nobody)
    let found = try asUser(nobody, group: nobody) {
      let reader = try StoreReader(path: fixture.path)
      _ = try reader.clientNumber("nobody yet")
      try fixture.apply(.create(.sample(1)))
      let first = try reader.job(client: 1, id: JobRecord.sample(1).id)
      try fixture.apply(.create(.sample(2)))
      return (first, try reader.job(client: 1, id: JobRecord.sample(2).id))
    }
    #expect(found.0?.unstamped == .sample(1))
    #expect(found.1?.unstamped == .sample(2), "also what was written after it was opened")
    let writable = try asUser(nobody, group: nobody) {
      ["", "-wal", "-shm"].map { access(fixture, $0, W_OK) }
    }
    #expect(writable == [false, false, false])
    let readable = try asUser(nobody, group: nobody) {
      ["", "-wal", "-shm"].map { access(fixture, $0, R_OK) }
    }
    #expect(readable == [true, true, true])
    let strangers = try asUser(nobody, group: nobody - 1) { access(fixture, "", R_OK) }
    #expect(!strangers)
  }

  /// The files beside the database may be left from a daemon with another group, which did not close them.
  @Test(.enabled(if: geteuid() == 0)) func readsWhatAnotherGroupsDaemonLeft() throws {
    let scratch = try ScratchDirectory()
    let killed = try StoreFixture(scratch.path)
    try killed.apply(.create(.sample(1)))
    let copy = try ScratchDirectory()
    for name in ["jobd.db", "jobd.db-wal"] {
      _ = try run(["cp", "\(scratch.path)/\(name)", copy.path], in: scratch)
    }
    let fixture = try StoreFixture(copy.path, group: 65534)
    chmod(copy.path, 0o750)
    chown(copy.path, 0, 65534)
    let found = try asUser(65534, group: 65534) {
      try StoreReader(path: fixture.path).job(client: 1, id: JobRecord.sample(1).id)
    }
    #expect(found?.unstamped == .sample(1))
  }

  private func access(_ fixture: StoreFixture, _ suffix: String, _ mode: Int32) -> Bool {
    faccessat(AT_FDCWD, "\(fixture.path)/jobd.db\(suffix)", mode, AT_EACCESS) == 0
  }
}

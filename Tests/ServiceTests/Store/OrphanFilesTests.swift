import Glibc
import JobAPI
import Testing

@testable import JobModel
@testable import JobStore

@Suite struct OrphanFilesTests {
  @Test func goesOnlyWhatWasDeleted() throws {
    let scratch = try ScratchDirectory()
    let directory = try StateDirectory(path: scratch.path, group: nil)
    defer { close(directory.output) }
    let fixture = try StoreFixture(scratch.path)
    let jobs = (1...40).map { JobRecord.sample($0) }
    _ = try fixture.applyTogether(jobs.map { .create($0) })
    for job in jobs {
      for suffix in [".stdout", ".stderr", ".log"] {
        try write("text", to: "\(scratch.path)/output/\(job.outputName)\(suffix)")
      }
    }
    try write("text", to: "\(scratch.path)/output/00/notes")
    _ = try fixture.applyTogether(jobs.prefix(15).map { .delete(client: 1, id: $0.id) })
    // Of a job that this database never had, as when it is one from a backup.
    let lost = JobRecord.sample(1000)
    try write("text", to: "\(scratch.path)/output/\(lost.outputName).stdout")
    for removed in [15, 0] {
      let orphans = try OrphanFiles(removingFrom: directory)
      #expect(orphans.removed == removed && orphans.unknown == 1)
    }
    #expect(directory.size(of: .stdout, of: lost.id) == 4)
    for (index, job) in jobs.enumerated() {
      for stream in OutputStream.allCases {
        #expect(directory.size(of: stream, of: job.id) == (index < 15 ? 0 : 4))
      }
      #expect(directory.hasLog(job.id) == (index >= 15))
    }
    #expect(access("\(scratch.path)/output/00/notes", F_OK) == 0, "what is not jobd's is not touched")
  }

  @Test func aStoreKnowsWhetherItWasClosed() throws {
    let scratch = try ScratchDirectory()
    for _ in 0..<2 {
      #expect(Store.wasClosed(in: scratch.path))
      let fixture = try StoreFixture(scratch.path)
      try fixture.apply(.create(.sample(Int.random(in: 0...1_000_000))))
      fixture.store.close()
    }
    let running = try StoreFixture(scratch.path)
    try running.apply(.create(.sample(3)))
    let copy = try ScratchDirectory()
    for name in ["jobd.db", "jobd.db-wal"] {
      _ = try run(["cp", "\(scratch.path)/\(name)", copy.path], in: scratch)
    }
    #expect(!Store.wasClosed(in: copy.path))
  }
}

import Glibc
import JobAPI
import Testing

@testable import JobModel
@testable import JobStore

/// A small file system of its own, for disks that are full or may not be written.
private final class SmallDisk {
  let scratch: ScratchDirectory
  var path: String { scratch.path }

  init(_ options: String) throws {
    scratch = try ScratchDirectory()
    try #require(mount("tmpfs", scratch.path, "tmpfs", 0, options) == 0)
  }

  deinit { umount2(scratch.path, Int32(MNT_DETACH)) }
}

@Suite(.enabled(if: geteuid() == 0)) struct FullDiskTests {
  @Test func whatDoesNotFitFailsAndTheRestGoesOn() throws {
    let disk = try SmallDisk("size=512k")
    let fixture = try StoreFixture(disk.path)
    try fixture.apply(.create(.sample(1)))
    let large = JobPlan(CreateRequest(cmd: "echo", args: [String(repeating: "x", count: 1 << 20)]))
    guard case .failed(let error) = try fixture.apply(.create(.sample(2), large)) else {
      return #expect(Bool(false), "a job larger than the disk was saved")
    }
    #expect(error.kind == .full)
    #expect(error.description.contains("full"))
    let mixed = try fixture.applyTogether([
      .create(.sample(3)), .create(.sample(4), large), .create(.sample(5)),
    ])
    #expect(mixed[0] == .saved && mixed[2] == .saved)
    #expect(try fixture.apply(.finish(JobRecord.sample(1).finished(), log: [], files: [])) == .saved)
    let reader = try StoreReader(path: fixture.path)
    #expect(try reader.list(client: 1, JobFilter(), before: nil, limit: 10).jobs.count == 3)
  }

  @Test func recoversOnceThereIsRoom() throws {
    let disk = try SmallDisk("size=512k")
    let fixture = try StoreFixture(disk.path)
    try fixture.apply(.create(.sample(1)))
    let filler = open("\(disk.path)/filler", O_WRONLY | O_CREAT, 0o600)
    let block = [UInt8](repeating: 1, count: 4096)
    while write(filler, block, block.count) > 0 {}
    close(filler)
    var outcomes: [StoreOutcome] = []
    for index in 2...100 { outcomes.append(try fixture.apply(.create(.sample(index)))) }
    #expect(outcomes.contains { if case .failed(let error) = $0 { error.kind == .full } else { false } })
    unlink("\(disk.path)/filler")
    #expect(try fixture.apply(.create(.sample(200))) == .saved)
    let saved = outcomes.count { $0 == .saved } + 2
    let reader = try StoreReader(path: fixture.path)
    #expect(try reader.list(client: 1, JobFilter(), before: nil, limit: 200).jobs.count == saved)
  }

  /// Else a disk that is full could not be emptied.
  @Test func whatIsKeptInReserveTakesDeletionsAndResults() throws {
    let disk = try SmallDisk("size=4m")
    let fixture = try StoreFixture(disk.path)
    for index in 1...20 { try fixture.apply(.create(.sample(index))) }
    let filler = open("\(disk.path)/filler", O_WRONLY | O_CREAT, 0o600)
    let block = [UInt8](repeating: 1, count: 4096)
    while write(filler, block, block.count) > 0 {}
    // Also what the database has taken and not used.
    var refused = false
    for index in 100...400 where !refused {
      if case .failed(let error) = try fixture.apply(.create(.sample(index))) {
        refused = error.kind == .full
      }
      while write(filler, block, block.count) > 0 {}
    }
    close(filler)
    #expect(refused)
    #expect(try fixture.apply(.finish(JobRecord.sample(1).finished(), log: [], files: [])) == .saved)
    for index in 1...20 {
      let outcome = try fixture.apply(.delete(client: 1, id: JobRecord.sample(index).id))
      #expect(outcome == .deleted(hasFiles: true) || outcome == .deleted(hasFiles: false))
    }
    // What was given is not for new jobs.
    guard case .failed(let error) = try fixture.apply(.create(.sample(500))) else {
      return #expect(Bool(false), "a job was created on a full disk")
    }
    #expect(error.kind == .full)
    unlink("\(disk.path)/filler")
    #expect(try fixture.apply(.create(.sample(501))) == .saved)
  }

  @Test func aReadOnlyStateDirectoryIsRefused() throws {
    let disk = try SmallDisk("size=4m")
    do {
      let fixture = try StoreFixture(disk.path)
      try fixture.apply(.create(.sample(1)))
      fixture.store.close()
    }
    let flags = UInt(MS_REMOUNT | MS_RDONLY)
    try #require(mount("tmpfs", disk.path, "tmpfs", flags, "size=4m") == 0)
    #expect { try StoreFixture(disk.path) } throws: { ($0 as? StoreError)?.kind == .readOnly }
  }
}

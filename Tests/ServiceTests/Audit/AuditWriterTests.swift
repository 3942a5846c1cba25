import Glibc
import JobModel
import Platform
import Testing

@testable import JobSupervisor

struct AuditWriterTests {
  private let scratch: ScratchDirectory
  private var path: String { "\(scratch.path)/audit.log" }

  init() throws { scratch = try ScratchDirectory() }

  @Test func linesKeepTheirOrder() throws {
    let fixture = try AuditFixture(path)
    for number in 1...500 as ClosedRange<UInt64> {
      var entry = AuditEntry(.delete, at: 0)
      entry.user = "\(number)"
      fixture.writer.write(entry, number: number, isDurable: number % 3 == 0)
    }
    fixture.writer.close()
    for number in 1...500 as ClosedRange<UInt64> {
      #expect(fixture.outcome(number) == .some(nil))
      #expect(fixture.lines[Int(number) - 1].contains("\"user\":\"\(number)\""))
    }
    #expect(fixture.lines.count == 500 && fixture.failed == 0)
  }

  /// As logrotate does: renamed, with another made in its place or not.
  @Test(arguments: [false, true]) func aRenamedFileIsWrittenUntilItIsReopened(isMade: Bool) throws {
    let fixture = try AuditFixture(path)
    #expect(fixture.write(1) == nil)
    rename(path, path + ".1")
    if isMade { close(open(path, O_WRONLY | O_CREAT, 0o640)) }
    #expect(fixture.write(2) == nil)
    fixture.writer.reopen()
    #expect(fixture.write(3) == nil)
    fixture.wait { fixture.lines.count == 1 }
    #expect(fixture.text.contains("\"user\":\"3\""))
    let before = String(decoding: try SmallFile.read(path + ".1", most: 1 << 20), as: UTF8.self)
    #expect(before.contains("\"user\":\"1\"") && before.contains("\"user\":\"2\""))
    // The room that was kept for it was given back.
    var info = stat()
    stat(path + ".1", &info)
    #expect(info.st_blocks * 512 < 1 << 19)
    fixture.writer.close()
  }

  @Test func oneThatCannotBeReopenedIsWrittenOnAndTriedAgain() throws {
    let directory = "\(scratch.path)/logs"
    mkdir(directory, 0o700)
    let fixture = try AuditFixture("\(directory)/audit.log")
    rename(directory, directory + ".1")
    fixture.writer.reopen()
    fixture.wait { fixture.writer.failure != nil }
    #expect(fixture.writer.failure?.contains("\(directory)/audit.log") == true)
    #expect(fixture.write(1) == nil)
    let before = String(
      decoding: try SmallFile.read("\(directory).1/audit.log", most: 1 << 20), as: UTF8.self)
    #expect(before.contains("\"user\":\"1\""))
    mkdir(directory, 0o700)
    fixture.wait { fixture.writer.failure == nil }
    #expect(fixture.write(2) == nil)
    #expect(fixture.lines.count == 1 && fixture.failed > 0)
    fixture.writer.close()
    for file in ["\(directory).1/audit.log", "\(directory)/audit.log"] { unlink(file) }
    for made in [directory, directory + ".1"] { rmdir(made) }
  }

  @Test func oneThatIsNotOpenYetIsTriedAgain() throws {
    mkdir(path, 0o700)
    let fixture = try AuditFixture(path, isOpen: false)
    fixture.wait { fixture.writer.failure != nil }
    #expect(fixture.write(1) != nil)
    rmdir(path)
    fixture.wait { fixture.writer.failure == nil }
    #expect(fixture.lines.count == 1)
    fixture.writer.close()
  }
}

/// One that fails when it is told to.
private final class FaultyTarget: AuditTarget, @unchecked Sendable {
  // All with the lock held.
  struct State {
    var lines: [AuditLine] = []
    var writes = true
    var syncs = true
    var takesBack = true
    var last = 0
  }
  let state = Mutex(State())
  var isReplaced: Bool { false }

  func write(_ lines: [AuditLine]) -> (count: Int, error: SystemError?) {
    state.withLock { state in
      guard state.writes else { return (0, SystemError(ENOSPC, "write")) }
      state.lines += lines
      state.last = lines.count
      return (lines.count, nil)
    }
  }

  func sync() throws(AuditNotSynced) {
    let failure: AuditNotSynced? = state.withLock { state in
      guard !state.syncs else { return nil }
      if state.takesBack { state.lines.removeLast(state.last) }
      return AuditNotSynced(error: SystemError(EIO, "sync"), isTakenBack: state.takesBack)
    }
    if let failure { throw failure }
  }

  func keepRoom() {}

  var users: [String] { state.withLock { $0.lines.map { $0.entry.user ?? "lost \($0.entry.lost ?? 0)" } } }
}

struct AuditLossTests {
  private let target = FaultyTarget()
  private func fixture() throws -> AuditFixture {
    try AuditFixture("/dev/null") { [target] in target }
  }

  @Test func whatCannotBeWrittenIsWrittenLater() throws {
    let fixture = try fixture()
    #expect(fixture.write(1) == nil)
    target.state.withLock { $0.writes = false }
    #expect(fixture.write(2)?.contains("No space left") == true)
    #expect(fixture.writer.failure?.contains("No space left") == true)
    #expect(fixture.write(3, isDurable: false) != nil)
    target.state.withLock { $0.writes = true }
    fixture.wait { fixture.writer.failure == nil }
    #expect(fixture.write(4) == nil)
    #expect(target.users == ["1", "2", "3", "4"])
    fixture.writer.close()
  }

  @Test func whatDoesNotFitInMemoryIsCounted() throws {
    let fixture = try fixture()
    target.state.withLock { $0.writes = false }
    let long = String(repeating: "x", count: AuditLoop.mostKept / 4)
    for number in 1...5 as ClosedRange<UInt64> { #expect(fixture.write(number, long) != nil) }
    let before = fixture.failed
    fixture.wait { fixture.failed > before + 1 }
    // Behind those that were given up, not in their place.
    #expect(fixture.write(6, "short") != nil)
    target.state.withLock { $0.writes = true }
    fixture.wait { fixture.writer.failure == nil }
    #expect(fixture.write(7) == nil)
    #expect(target.users == [long, long, long, "lost 2", "short", "7"])
    fixture.writer.close()
  }

  @Test func aLineThatIsNotOnDiskIsToldAndWrittenAnew() throws {
    let fixture = try fixture()
    target.state.withLock { $0.syncs = false }
    #expect(fixture.write(1)?.contains("Input/output error") == true)
    #expect(target.users == [])
    target.state.withLock { $0.syncs = true }
    fixture.wait { fixture.writer.failure == nil }
    #expect(target.users == ["1"])
    fixture.writer.close()
  }

  @Test func oneThatCannotBeTakenBackIsThereOnce() throws {
    let fixture = try fixture()
    target.state.withLock { ($0.syncs, $0.takesBack) = (false, false) }
    #expect(fixture.write(1) != nil)
    target.state.withLock { $0.syncs = true }
    fixture.wait { fixture.writer.failure == nil }
    #expect(fixture.write(2) == nil)
    #expect(target.users == ["1", "2"])
    fixture.writer.close()
  }

  @Test func theEndTriesOnceMore() throws {
    let fixture = try fixture()
    target.state.withLock { $0.writes = false }
    #expect(fixture.write(1) != nil)
    target.state.withLock { $0.writes = true }
    fixture.writer.close()
    #expect(target.users == ["1"])
  }
}

@Suite(.enabled(if: geteuid() == 0)) struct AuditDiskTests {
  /// The room ahead takes the lines of what is under way when the disk is full; creations are refused before it is used up.
  @Test func aFullDiskIsFoundOutWhileThereIsRoom() throws {
    let disk = try ScratchDirectory()
    try #require(mount("tmpfs", disk.path, "tmpfs", 0, "size=4m") == 0)
    defer { umount2(disk.path, Int32(MNT_DETACH)) }
    let fixture = try AuditFixture("\(disk.path)/audit.log")
    #expect(fixture.write(1) == nil)
    let filler = open("\(disk.path)/filler", O_WRONLY | O_CREAT, 0o600)
    let block = [UInt8](repeating: 1, count: 4096)
    while write(filler, block, block.count) > 0 {}
    close(filler)
    // Half of the room is written without a word.
    let line = String(repeating: "x", count: 8192)
    var number: UInt64 = 1
    while fixture.writer.failure == nil, number < 1000 {
      number += 1
      #expect(fixture.write(number, line) == nil)
    }
    #expect(fixture.writer.failure?.contains("No space left on device") == true)
    let found = fixture.text.utf8.count
    #expect(found > 400 << 10 && found < 600 << 10)
    number += 1
    #expect(fixture.write(number, line) == nil)
    // Then lines fail, and are not there in part.
    while fixture.outcome(number) == .some(nil), number < 1000 {
      number += 1
      _ = fixture.write(number, line)
    }
    #expect(fixture.text.utf8.last == UInt8(ascii: "\n"))
    #expect(fixture.lines.count == Int(number) - 1)
    unlink("\(disk.path)/filler")
    fixture.wait { fixture.writer.failure == nil }
    #expect(fixture.write(number + 1) == nil)
    #expect(fixture.lines.count == Int(number) + 1)
    fixture.writer.close()
  }
}

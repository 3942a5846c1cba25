import CJobEngine
import Glibc
import Harness
import JobAPI
import Testing

@testable import JobEngine
@testable import JobModel
@testable import JobService
@testable import JobStore

/// The order and time of output: what is read is what was written, while the job runs, after its end, and after a kill.
struct OutputIndexTests {
  final class Place {
    let scratch: ScratchDirectory
    let directory: Int32
    let id = JobID(microseconds: 1_700_000_000_000_000, random: 7)

    init() throws {
      scratch = try ScratchDirectory()
      let name = JobRecord.outputName(of: id).prefix { $0 != "/" }
      try #require(mkdir("\(scratch.path)/\(name)", 0o700) == 0)
      directory = open(scratch.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      try #require(directory >= 0)
    }

    deinit { close(directory) }

    var writer: OutputIndexWriter { OutputIndexWriter(id, in: directory) }
    var hasFile: Bool { faccessat(directory, JobRecord.outputName(of: id) + ".log", F_OK, 0) == 0 }

    /// All pieces, forwards and backwards.
    func read(_ take: (OutputIndexReader) throws -> Void) throws -> [OutputIndex.Piece] {
      let reader = OutputIndexReader(id, in: directory)
      try take(reader)
      let backwards = try (0..<reader.count).reversed().map { try #require(try reader.piece($0)) }
      let forwards = try (0..<reader.count).map { try #require(try reader.piece($0)) }
      #expect(forwards == backwards.reversed())
      #expect(try reader.piece(reader.count) == nil)
      return forwards
    }

    func readTold(_ take: (OutputIndexReader) throws -> Bool) throws -> [OutputIndex.Piece] {
      try read { reader in
        let isNews = try take(reader)
        #expect(isNews)
      }
    }
  }

  /// Pieces of one stream within a millisecond are one.
  private struct Model {
    var pieces: [OutputIndex.Piece] = []
    var lastTime: Int64 = 0

    mutating func append(_ stream: OutputStream, _ length: UInt32, _ time: Int64, mayExtend: Bool) {
      if mayExtend, let last = pieces.last, last.stream == stream, time - lastTime < 1000 {
        pieces[pieces.count - 1].length += length
      } else {
        pieces.append(.init(time: time, stream: stream, length: length))
        lastTime = time
      }
    }
  }

  @Test(arguments: 0..<40)
  func whatIsReadIsWhatWasWritten(seed: UInt64) throws {
    var random = SplitMix(seed: seed)
    let place = try Place()
    let writer = place.writer
    var model = Model()
    var time: Int64 = 1_000_000
    let publishAt = Int.random(in: 0..<400, using: &random)
    for round in 0..<Int.random(in: 1...900, using: &random) {
      if round == publishAt { writer.publish() }
      time += Int64.random(in: 1...2000, using: &random)
      let stream: OutputStream = Bool.random(using: &random) ? .stdout : .stderr
      let length = UInt32.random(in: 1...9, using: &random)
      let mayExtend = writer.index.count > 0
      writer.append(stream, length: UInt64(length), time: time)
      model.append(stream, length, time, mayExtend: mayExtend)
      guard round >= publishAt, round % 50 == 0 else { continue }
      let seen = try place.readTold { try $0.take(OutputProgress(pieces: writer.written)) }
      #expect(seen == model.pieces, "a follower sees all of it")
    }
    let stored = writer.finish()
    var record = JobRecord(id: place.id, client: 1, created: 1)
    record.state = .completed
    if writer.isInFile { record.flags.insert(.logInFile) }
    #expect(
      writer.isInFile == (model.pieces.count >= OutputIndex.mostHeld) && stored.isEmpty == writer.isInFile)
    let kept = try place.read { try $0.take(record, stored: stored) }
    #expect(kept == model.pieces)
    writer.removeCopy()
    #expect(place.hasFile == writer.isInFile, "a file that says no more than the record is gone")
  }

  @Test func aJobOfFewPiecesThatNobodyFollowsHasNoFile() throws {
    let place = try Place()
    let writer = place.writer
    for time in 1...200 { writer.append(.stdout, length: 1, time: Int64(time) * 10_000) }
    #expect(!place.hasFile && writer.written == 0 && writer.descriptor == -1)
    #expect(writer.finish().count == 200 * OutputIndex.pieceSize)
  }

  /// Of a supervisor that was killed the file tells, up to a piece that was cut; what came last is one piece more.
  @Test(arguments: [0, 1, 5, 255, 256, 700])
  func aSuccessorGoesOn(count: Int) throws {
    let place = try Place()
    do {
      let writer = place.writer
      writer.publish()
      for time in 0..<count {
        writer.append(time % 2 == 0 ? .stdout : .stderr, length: 2, time: Int64(time) * 5000)
      }
    }
    let name = "\(place.scratch.path)/\(JobRecord.outputName(of: place.id)).log"
    let file = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    try #require(write(file, [1, 2, 3, 4, 5], 5) == 5)
    close(file)
    let kept = [UInt64((count + 1) / 2 * 2), UInt64(count / 2 * 2 + 9)]
    let successor = OutputIndexWriter(goingOn: place.id, in: place.directory, kept: kept, now: 1 << 40)
    successor.append(.stdout, length: 4, time: 1 << 41)
    let pieces = try place.readTold { try $0.take(OutputProgress(pieces: successor.written)) }
    #expect(pieces.count == count + 2)
    #expect(pieces.dropLast(2).map(\.time) == (0..<count).map { Int64($0) * 5000 })
    #expect(pieces[count] == .init(time: 1 << 40, stream: .stderr, length: 9))
    #expect(pieces[count + 1] == .init(time: 1 << 41, stream: .stdout, length: 4))
  }

  /// On a disk that takes nothing the pieces are kept, and written later.
  @Test func whatCannotBeWrittenIsTriedAgain() throws {
    let place = try Place()
    let writer = place.writer
    let shard = "\(place.scratch.path)/\(JobRecord.outputName(of: place.id).prefix { $0 != "/" })"
    try #require(rename(shard, shard + ".away") == 0)
    writer.publish()
    writer.append(.stdout, length: 1, time: 0)
    #expect(!writer.publish())
    for time in 1..<300 { writer.append(.stdout, length: 1, time: Int64(time) * 5000) }
    #expect(writer.written == 0 && writer.index.count == 300)
    try #require(rename(shard + ".away", shard) == 0)
    #expect(writer.publish())
    writer.append(.stderr, length: 1, time: 300 * 5000)
    #expect(writer.written == 301 && writer.index.count == 1)
    let pieces = try place.readTold { try $0.take(OutputProgress(pieces: 301)) }
    #expect(pieces.count == 301)
  }

  /// A job that a successor took over and that wrote no more: its index is to be brought to disk, or is of no more use.
  @Test(arguments: [10, 400])
  func aSuccessorOfAJobThatWritesNoMoreFinishesItsIndex(count: Int) throws {
    let place = try Place()
    do {
      let writer = place.writer
      writer.publish()
      for time in 0..<count { writer.append(.stdout, length: 1, time: Int64(time) * 5000) }
    }
    let successor = OutputIndexWriter(
      goingOn: place.id, in: place.directory, kept: [UInt64(count), 0], now: 1 << 40)
    let stored = successor.finish()
    #expect(successor.isInFile == (count > 255) && stored.isEmpty == successor.isInFile)
    #expect((successor.descriptor >= 0) == successor.isInFile)
    successor.removeCopy()
    #expect(place.hasFile == successor.isInFile)
  }

  /// What the disk did not take of a long index is stored with the record.
  @Test func whatTheFileLacksIsStored() throws {
    let place = try Place()
    let writer = place.writer
    for time in 0..<300 { writer.append(.stdout, length: 1, time: Int64(time) * 5000) }
    #expect(writer.written == 256)
    let stored = writer.finish()
    #expect(writer.written == 300 && stored.isEmpty)
    // As it would be, had the last of it not been written.
    let name = "\(place.scratch.path)/\(JobRecord.outputName(of: place.id)).log"
    try #require(truncate(name, off_t(256 * OutputIndex.pieceSize)) == 0)
    var record = JobRecord(id: place.id, client: 1, created: 1)
    record.flags.insert(.logInFile)
    let rest = Array(writer.index.pieces)
    #expect(try place.read { try $0.take(record, stored: rest) }.count == 300)
  }

  /// A reader that comes when the job has just ended, and its file is gone, waits to be told so.
  @Test func aReaderOfAFileThatIsGoneWaits() throws {
    let place = try Place()
    let reader = OutputIndexReader(place.id, in: place.directory)
    #expect(try reader.take(OutputProgress(pieces: 0)))
    #expect(try !reader.take(OutputProgress(pieces: 3)))
  }

  /// What is written after that is told at the time that the clock shows then.
  @Test func aClockThatIsSetBackBeginsANewPiece() {
    var index = OutputIndex()
    for time in [10_000_000, 10_000_500, 4_000_000, 4_000_900] as [Int64] {
      _ = index.append(.stdout, length: 5, time: time)
    }
    let pieces = (0..<index.count).map { OutputIndex.piece($0, of: index.pieces) }
    #expect(
      pieces == [
        OutputIndex.Piece(time: 10_000_000, stream: .stdout, length: 10),
        OutputIndex.Piece(time: 4_000_000, stream: .stdout, length: 10),
      ])
  }

  /// Nor did a job begin before it was created, or end before it began.
  @Test func timesOfAJobAreInOrderWhateverTheClockDoes() {
    var record = JobRecord(id: JobID(high: 1, low: 2), client: 1, created: 5_000)
    var result = jc_job_result()
    (result.started_us, result.finished_us) = (4_000, 3_000)
    record.take(result)
    #expect(record.state == .completed && record.started == 5_000 && record.finished == 5_000)
  }
}

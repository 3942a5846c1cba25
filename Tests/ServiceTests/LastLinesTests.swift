import Glibc
import Harness
import JobAPI
import Testing

@testable import JobModel
@testable import JobService
@testable import JobStore

/// Where the last lines begin is found in turns, however far back it is.
struct LastLinesTests {
  private typealias Place = OutputIndexTests.Place
  private static let turn = LastLines.turn

  private func write(_ bytes: [UInt8], _ stream: OutputStream, _ place: Place) throws {
    let path = "\(place.scratch.path)/\(JobRecord.outputName(of: place.id))\(stream.suffix)"
    try Files.write(bytes, to: path)
  }

  private func find(_ lines: Int, _ bytes: [UInt8]) throws -> (start: UInt64, turns: Int) {
    let place = try Place()
    try write(bytes, .stdout, place)
    let file = try #require(try OutputFile(place.directory, place.id, OutputStream.stdout.suffix))
    var search = LastLines(lines, of: file, before: UInt64(bytes.count))
    for turns in 1... {
      if let start = try search.start() {
        #expect(try search.start() == start)
        return (start, turns)
      }
    }
    fatalError()
  }

  /// By going through all bytes.
  private func start(_ lines: Int, _ bytes: [UInt8]) -> Int {
    let ends = bytes.indices.dropLast().filter { bytes[$0] == 0x0a }
    return lines == 0 ? bytes.count : ends.count < lines ? 0 : ends[ends.count - lines] + 1
  }

  @Test func theLastLinesOfAStream() throws {
    var random = SplitMix(seed: 3)
    for length in [0, 1, 2, 65535, 65536, 65537, 200_000] {
      let bytes = (0..<length).map { _ in UInt8(random.next() % 5000 == 0 ? 0x0a : 0x61) }
      for lines in [0, 1, 2, 7, 30, .max] {
        let found = try find(lines, bytes)
        #expect(found.start == start(lines, bytes) && found.turns == 1, "\(lines) of \(length)")
      }
    }
  }

  @Test func aTurnReadsAPartOfALongStream() throws {
    var bytes = [UInt8](repeating: 0x61, count: 3 * Self.turn + 10)
    #expect(try find(1, bytes) == (0, 4))
    bytes[5] = 0x0a
    #expect(try find(1, bytes) == (6, 4))
    bytes[3 * Self.turn] = 0x0a
    #expect(try find(1, bytes) == (UInt64(3 * Self.turn + 1), 1))
  }

  /// A log of both streams, with its bytes in the order of their coming.
  private struct Log {
    let place: Place
    var streams: [[UInt8]] = [[], []]
    var all: [(stream: OutputStream, byte: UInt8)] = []
    let writer: OutputIndexWriter
    private var time: Int64 = 0

    init() throws {
      place = try Place()
      writer = place.writer
      writer.publish()
    }

    mutating func append(_ stream: OutputStream, _ bytes: [UInt8]) {
      time += 5000
      writer.append(stream, length: UInt64(bytes.count), time: time)
      streams[Int(stream.index)] += bytes
      all += bytes.map { (stream, $0) }
    }

    func cursor(_ start: LogStart) throws -> LogCursor {
      let cursor = LogCursor(place.id, start, in: place.directory)
      cursor.kept = streams.map { UInt64($0.count) }
      let isNews = try cursor.pieces.take(OutputProgress(pieces: writer.written))
      #expect(isNews && cursor.pieces.count == writer.written)
      return cursor
    }
  }

  /// The turns it takes until `done`.
  private func turns(_ cursor: LogCursor, _ done: () throws -> Bool) rethrows -> Int {
    for turn in 1... {
      cursor.beginTurn()
      if try done() { return turn }
    }
    fatalError()
  }

  private func seek(_ log: Log, _ start: LogStart) throws -> (sent: [UInt64], turns: Int) {
    for stream in OutputStream.allCases { try write(log.streams[Int(stream.index)], stream, log.place) }
    let cursor = try log.cursor(start)
    let turns = try turns(cursor) { try cursor.seek() }
    return (cursor.sent, turns)
  }

  @Test func theLastLinesOfALog() throws {
    var random = SplitMix(seed: 4)
    var log = try Log()
    for _ in 0..<1000 {
      let bytes = (0..<Int.random(in: 1...300, using: &random))
        .map { _ in UInt8(random.next() % 100 == 0 ? 0x0a : 0x61) }
      log.append(Bool.random(using: &random) ? .stdout : .stderr, bytes)
    }
    for lines in [0, 1, 2, 10, 300, .max] {
      let first = start(lines, log.all.map(\.byte))
      let before = OutputStream.allCases.map { stream in
        UInt64(log.all[..<first].count { $0.stream == stream })
      }
      let found = try seek(log, LogStart(offsets: [0, 0], since: nil, lastLines: lines))
      #expect(found == (before, 1), "\(lines)")
    }
  }

  @Test func aTurnReadsAPartOfALongLog() throws {
    var log = try Log()
    log.append(.stdout, [0x0a])
    for _ in 0..<30 { log.append(.stderr, [UInt8](repeating: 0x61, count: 100_000)) }
    log.append(.stdout, Array("a\nb".utf8))
    let far = try seek(log, LogStart(offsets: [0, 0], since: nil, lastLines: 3))
    #expect(far.sent == [0, 0] && far.turns == 3)
    let near = try seek(log, LogStart(offsets: [0, 0], since: nil, lastLines: 1))
    #expect(near.sent == [3, 3_000_000] && near.turns == 1)
  }

  /// Of which a client has all of one stream, or wants what came late only.
  @Test func aTurnPassesByAPartOfALongIndex() throws {
    var log = try Log()
    let pieces = Self.turn / OutputIndex.pieceSize
    log.append(.stdout, [0x61])
    for _ in 0..<pieces * 5 / 2 { log.append(.stderr, [0x62]) }
    log.append(.stdout, [0x63])
    let late = Int64(pieces * 5 / 2 + 2) * 5000
    let since = try seek(log, LogStart(offsets: [0, 0], since: late, lastLines: nil))
    #expect(since.sent == [1, UInt64(pieces * 5 / 2)] && since.turns == 3)
    let cursor = try log.cursor(LogStart(offsets: [0, UInt64(pieces * 5 / 2)], since: nil, lastLines: nil))
    var text = ""
    let turns = try turns(cursor) {
      guard try cursor.seek() else { return false }
      while let part = try cursor.next() { text += String(decoding: part.bytes, as: UTF8.self) }
      return !cursor.isTurnOver
    }
    #expect(text == "ac" && turns == 3)
  }
}

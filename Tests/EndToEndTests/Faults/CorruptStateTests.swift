import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// A state directory that somebody or something has damaged: the daemon refuses it in words, or goes on with what is
/// whole, and deletes nothing of it.
@Suite(.serialized) struct CorruptStateTests {
  /// A daemon that was stopped in order, with ten finished jobs.
  private func withStopped(_ body: (Daemon, [JobID]) throws -> Void) throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let ids = try (0..<10).map { try client.run("echo", "output \($0)").0 }
      try #require(try daemon.stop().status == 0)
      try body(daemon, ids)
    }
  }

  /// Every file of the state with its contents, but the lock, which says who tried.
  private func contents(_ daemon: Daemon) -> [String: [UInt8]] {
    func files(_ path: String) -> [String] {
      Files.list(path).flatMap { name in
        var info = stat()
        lstat("\(path)/\(name)", &info)
        return info.st_mode & S_IFMT == S_IFDIR ? files("\(path)/\(name)") : ["\(path)/\(name)"]
      }
    }
    let paths = files(daemon.state).filter { !$0.hasSuffix("/lock") }
    return Dictionary(uniqueKeysWithValues: paths.map { ($0, Files.read($0)) })
  }

  enum Damage: String, CaseIterable {
    case garbled, garbledInTheMiddle, truncated, empty, ofANewerVersion, ofAnotherProgram

    func apply(to bytes: inout [UInt8]) {
      switch self {
      case .garbled: bytes.replaceSubrange(0..<16, with: Array("something else..".utf8))
      case .garbledInTheMiddle: for index in 4096..<bytes.count { bytes[index] = 0xa5 }
      case .truncated: bytes.removeLast(bytes.count - 5000)
      case .empty: bytes = []
      // The header's user version and application id (SQLite file format, section 1.3).
      case .ofANewerVersion: bytes.replaceSubrange(60..<64, with: [0, 0, 0, 99])
      case .ofAnotherProgram: bytes.replaceSubrange(68..<72, with: [0, 0, 0, 1])
      }
    }

    var words: String {
      switch self {
      case .ofANewerVersion: "was written by a newer jobd (version 99 of the tables, this one knows"
      case .ofAnotherProgram: "is a database of another program"
      default: "Nothing was changed. Restore it from a backup, save what is left with"
      }
    }
  }

  @Test(arguments: Damage.allCases)
  func aDatabaseThatCannotBeUsedIsRefusedAndLeftAlone(damage: Damage) throws {
    try withStopped { daemon, ids in
      let database = "\(daemon.state)/jobd.db"
      let whole = Files.read(database)
      var bytes = whole
      damage.apply(to: &bytes)
      try Files.write(bytes, to: database)
      let before = contents(daemon)
      let refused = try daemon.startAnother()
      #expect(refused.status == 1)
      #expect(refused.errorText.contains(damage.words), "\(refused.errorText)")
      #expect(contents(daemon) == before)
      try Files.write(whole, to: database)
      try daemon.start()
      let client = daemon.client()
      for (index, id) in ids.enumerated() { #expect(try client.output(id).stdout == "output \(index)\n") }
    }
  }

  @Test func missingOutputIsAClearErrorAndNoShortReply() throws {
    try withStopped { daemon, ids in
      let (gone, short) = (ids[0], ids[1])
      func path(_ id: JobID) -> String { "\(daemon.state)/output/\("\(id)".suffix(2))/\(id).stdout" }
      unlink(path(gone))
      truncate(path(short), 3)
      try daemon.start()
      let client = daemon.client()
      for (id, missing) in [(gone, 9), (short, 6)] {
        #expect(try client.status(id).exitCode == 0)
        for target in ["output", "stdout", "stdout?follow=1", "log", "log?follow=1"] {
          let reply = try daemon.curl("GET", "/jobs/\(id)/\(target)")
          #expect(reply.status == 500, "\(target)")
          #expect(reply.text.contains("\(missing) bytes of this job's stdout are missing"), "\(reply.text)")
        }
        #expect(try daemon.curl("GET", "/jobs/\(id)/stderr").status == 200)
        try client.delete(id)
      }
      #expect(try client.output(ids[2]).stdout == "output 2\n")
    }
  }

  /// As the message about a damaged one advises: the output of the jobs that it knew stays for whoever mends it.
  @Test func aDatabaseThatWasMovedAwayLeavesTheOutput() throws {
    try withStopped { daemon, ids in
      let database = "\(daemon.state)/jobd.db"
      rename(database, "\(database).damaged")
      let before = contents(daemon).filter { $0.key.contains("/output/") }
      #expect(before.count == ids.count)
      try daemon.start()
      #expect(try daemon.client().list().jobs.isEmpty)
      _ = try daemon.client().run("/bin/true")
      // Only a daemon that was killed has its successor look for what it left.
      daemon.kill()
      try daemon.start()
      try daemon.waitForLog("event=unknown_files_kept jobs=10")
      #expect(contents(daemon).filter { $0.key.contains("/output/") } == before)
      _ = try daemon.stop()
      rename("\(database).damaged", database)
      for suffix in ["-wal", "-shm"] { unlink(database + suffix) }
      try daemon.start()
      #expect(try daemon.client().output(ids[9]).stdout == "output 9\n")
    }
  }

  /// A log that ends in the middle of a transaction is what a power cut leaves: all before it counts.
  @Test(arguments: ["shortened", "garbled"]) func aTornEndOfTheLogIsDropped(how: String) throws {
    try Daemon.with { daemon in
      let ids = try (0..<10).map { try daemon.client().run("echo", "output \($0)").0 }
      daemon.kill()
      let log = "\(daemon.state)/jobd.db-wal"
      var bytes = Files.read(log)
      if how == "shortened" {
        bytes.removeLast(2000)
      } else {
        for index in bytes.count - 2000..<bytes.count { bytes[index] ^= 0xff }
      }
      try Files.write(bytes, to: log)
      try daemon.start()
      let client = daemon.client()
      for (index, id) in ids.dropLast().enumerated() {
        #expect(try client.output(id).stdout == "output \(index)\n")
      }
      #expect(try client.run("/bin/true").1.exitCode == 0)
    }
  }
}

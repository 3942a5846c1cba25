import Glibc
import JobAPI
import Testing

@testable import jobctl

@Suite struct BatchLedgerTests {
  private func withDirectory(_ body: (String) throws -> Void) throws {
    let path = "/tmp/jobctl-ledger-\(UInt64.random(in: 0 ... .max))"
    try #require(mkdir(path, 0o700) == 0)
    defer { rmdir(path) }
    try body(path)
  }

  private func record(_ line: Int) -> BatchRecord {
    BatchRecord(
      batch: "k", packs: "1/2", line: line, command: String(repeating: "x", count: 3000), id: nil,
      attempts: 1,
      succeeded: true, status: nil)
  }

  private func text(_ path: String) throws -> String {
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let file = open(path, O_RDONLY)
    defer { close(file) }
    bytes.removeLast(bytes.count - max(0, read(file, &bytes, bytes.count)))
    return String(decoding: bytes, as: UTF8.self)
  }

  private func isKnown(_ line: Int, _ directory: String) throws -> Bool? {
    try BatchLedger(in: directory, key: "k", packs: "1/2").known(line, record(line).command, retries: 0)
  }

  @Test(.enabled(if: geteuid() == 0)) func aDiskThatIsFullForATimeTearsNoLine() throws {
    try withDirectory { directory in
      try #require(mount("tmpfs", directory, "tmpfs", 0, "size=64k") == 0)
      defer { umount2(directory, Int32(MNT_DETACH)) }
      let path = "\(directory)/results.jsonl"
      do {
        let ledger = try BatchLedger(in: directory, key: "k", packs: "1/2")
        try ledger.append(record(1))
        let filler = open("\(directory)/filler", O_WRONLY | O_CREAT, 0o600)
        let zeros = [UInt8](repeating: 0, count: 1 << 16)
        #expect(write(filler, zeros, zeros.count) > 0)
        close(filler)
        let words = "cannot write \(path): No space left on device"
        func fails(_ line: Int) { #expect { try ledger.append(record(line)) } throws: { "\($0)" == words } }
        // It begins in the block that the first one ends in, and so a part of it is written.
        fails(2)
        unlink("\(directory)/filler")
        fails(3)
      }
      #expect(try text(path).split(separator: "\n").count == 1 && text(path).hasSuffix("}\n"))
      #expect(try isKnown(1, directory) == true && isKnown(2, directory) == nil)
      unlink(path)
    }
  }

  @Test func onlyARegularFileIsTaken() throws {
    try withDirectory { directory in
      let path = "\(directory)/results.jsonl"
      for make in [
        { mkfifo(path, 0o600) }, { symlink("\(directory)/other", path) }, { symlink("/dev/null", path) },
      ] {
        try #require(make() == 0)
        #expect {
          _ = try BatchLedger(in: directory, key: "k", packs: "1/2")
        } throws: {
          "\($0)" == "\(path) must be a regular file, and no link: remove it, or give another directory"
        }
        unlink(path)
      }
      #expect(access("\(directory)/other", F_OK) != 0)
    }
  }
}

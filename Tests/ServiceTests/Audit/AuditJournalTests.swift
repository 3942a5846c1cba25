import Glibc
import Harness
import JobAPI
import JobModel
import Platform
import Testing

@testable import JobSupervisor

/// As systemd-journald(8) takes entries.
private final class FakeJournal {
  let socket: Int32
  let path: String

  init(_ scratch: ScratchDirectory) throws {
    path = "\(scratch.path)/socket"
    socket = try DatagramSocket.bound(to: path)
  }

  deinit { close(socket) }

  /// The next entry, whichever way it comes.
  func receive() throws -> String {
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    var control = [UInt8](repeating: 0, count: 64)
    let (count, length) = bytes.withUnsafeMutableBytes { bytes in
      control.withUnsafeMutableBytes { control in
        var part = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
        return withUnsafeMutablePointer(to: &part) { part in
          var message = msghdr()
          (message.msg_iov, message.msg_iovlen) = (part, 1)
          (message.msg_control, message.msg_controllen) = (control.baseAddress, control.count)
          return (recvmsg(socket, &message, Int32(MSG_DONTWAIT)), message.msg_controllen)
        }
      }
    }
    try #require(count >= 0)
    guard length > 0 else { return String(decoding: bytes.prefix(count), as: UTF8.self) }
    // Behind the header of the only part.
    let file = control.withUnsafeBytes {
      $0.loadUnaligned(fromByteOffset: MemoryLayout<cmsghdr>.size, as: Int32.self)
    }
    defer { close(file) }
    // F_GET_SEALS: nobody may change what the journal maps.
    #expect(fcntl(file, 1034) == 15)
    lseek(file, 0, SEEK_SET)
    return String(decoding: SmallFile.read(file, most: 64 << 20), as: UTF8.self)
  }
}

struct AuditJournalTests {
  private let scratch: ScratchDirectory
  init() throws { scratch = try ScratchDirectory() }

  private func line(_ command: [String], client: String = "alice") -> AuditLine {
    var entry = AuditEntry(.create, at: 0)
    entry.peer = Peer(name: client, role: .owner, serial: "0A", fingerprint: "ff", address: "127.0.0.1:1")
    entry.command = command
    entry.job = JobID(high: 1, low: 2)
    return AuditLine(entry)
  }

  @Test func entriesHaveTheLineAndFieldsToLookFor() throws {
    let fake = try FakeJournal(scratch)
    let journal = try AuditJournal(fake.path)
    let lines = [line(["echo", "a\nPRIORITY=0"]), line([String(repeating: "x", count: 4 << 20)])]
    #expect(journal.write(lines).count == 2)
    for line in lines {
      let entry = try fake.receive()
      #expect(
        entry == """
          SYSLOG_IDENTIFIER=jobd-audit
          PRIORITY=5
          JOBD_EVENT=create
          JOBD_CLIENT=alice
          JOBD_JOB=\(JobID(high: 1, low: 2))
          MESSAGE=\(String(decoding: line.bytes, as: UTF8.self))
          """)
    }
  }

  @Test func oneThatIsNotThereIsAnError() throws {
    let path = "\(scratch.path)/none"
    #expect { _ = try AuditJournal(path) } throws: {
      "\($0)" == "cannot send the audit trail to the journal at \(path): No such file or directory"
    }
  }

  @Test func oneThatIsGoneIsTriedAgain() throws {
    var fake: FakeJournal? = try FakeJournal(scratch)
    let path = "\(scratch.path)/socket"
    let fixture = try AuditFixture("/dev/null") { try AuditJournal(path) }
    #expect(fixture.write(1) == nil)
    #expect(try fake!.receive().contains("\"user\":\"1\""))
    unlink(path)
    fake = nil
    #expect(fixture.write(2)?.contains("journal") == true)
    fake = try FakeJournal(scratch)
    fixture.wait { fixture.writer.failure == nil }
    #expect(try fake!.receive().contains("\"user\":\"2\""))
    fixture.writer.close()
  }
}

import CPlatform
import Glibc
import JobModel
import Platform

/// The journal of this host (systemd-journald(8)), in its native form. It has a line as soon as it took it, and writes it
/// to disk when it sees fit. The writer's thread only.
final class AuditJournal: AuditTarget {
  private let path: String
  private let socket: Int32
  /// Milliseconds to wait for a journal that takes nothing.
  private static let patience: UInt32 = 1000

  init(_ path: String = "/run/systemd/journal/socket") throws(DaemonError) {
    self.path = path
    guard access(path, W_OK) == 0 else {
      throw DaemonError("\(SystemError(errno, "send the audit trail to the journal at \(path)"))")
    }
    socket = jp_journal_socket(Self.patience)
    guard socket >= 0 else { throw DaemonError("\(SystemError(socket, "make a socket for the journal"))") }
  }

  deinit { close(socket) }

  var isReplaced: Bool { false }

  func write(_ lines: [AuditLine]) -> (count: Int, error: SystemError?) {
    for (index, line) in lines.enumerated() {
      let entry = Self.encode(line)
      let status = jp_journal_send(socket, path, entry, entry.count)
      guard status == 0 else { return (index, SystemError(status, "send the audit trail to the journal")) }
    }
    return (lines.count, nil)
  }

  func sync() {}
  func keepRoom() {}

  /// Each field is on a line of its own: no value that is put there so holds the end of a line.
  static func encode(_ line: AuditLine) -> [UInt8] {
    let entry = line.entry
    var text = "SYSLOG_IDENTIFIER=jobd-audit\nPRIORITY=5\nJOBD_EVENT=\(entry.event.rawValue)\n"
    if let client = entry.peer?.name, !client.utf8.contains(UInt8(ascii: "\n")) {
      text += "JOBD_CLIENT=\(client)\n"
    }
    if let job = entry.job { text += "JOBD_JOB=\(job)\n" }
    return Array("\(text)MESSAGE=".utf8) + line.bytes
  }
}

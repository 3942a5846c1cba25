import Glibc
import Platform

/// What this jobctl calls itself when it writes to a job's terminal, so that others know whom to ask: `alice@laptop pts/3
/// (4711)`.
enum TerminalWriter {
  static let name: String = {
    let host = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
      buffer.initialize(repeating: 0)
      gethostname(buffer.baseAddress!, buffer.count - 1)
      return String(cString: buffer.baseAddress!)
    }
    let place = ttyname(STDIN_FILENO).map { String(cString: $0) } ?? "no terminal"
    let device = place.hasPrefix("/dev/") ? String(place.dropFirst(5)) : place
    return text(Account.own.name, host, device, getpid())
  }()

  /// Printable characters of ASCII, and no more than there may be.
  static func text(_ user: String, _ host: String, _ place: String, _ pid: pid_t) -> String {
    func short(_ text: String) -> String {
      String(
        decoding: text.utf8.prefix(36).map { (0x21...0x7e).contains($0) ? $0 : UInt8(ascii: "?") },
        as: UTF8.self)
    }
    return "\(short(user))@\(short(host)) \(short(place)) (\(pid))"
  }
}

import Glibc
import Platform

/// What this jobctl calls itself when it writes to a job's terminal, so that others know whom to ask: `alice@laptop pts/3
/// (4711-5f0c)`.
enum TerminalWriter {
  static let name: String = {
    let host = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
      buffer.initialize(repeating: 0)
      gethostname(buffer.baseAddress!, buffer.count - 1)
      return String(cString: buffer.baseAddress!)
    }
    let place = ttyname(STDIN_FILENO).map { String(cString: $0) } ?? "no terminal"
    let device = place.hasPrefix("/dev/") ? String(place.dropFirst(5)) : place
    // Two containers may have all else alike, and who has the same text takes over.
    let random = String(UInt16.random(in: 0x1000 ... .max), radix: 16)
    return text(Account.own.name, host, device, "\(getpid())-\(random)")
  }()

  /// Printable characters of ASCII, and no more than there may be.
  static func text(_ user: String, _ host: String, _ place: String, _ process: String) -> String {
    func short(_ text: String) -> String {
      String(
        decoding: text.utf8.prefix(36).map { (0x21...0x7e).contains($0) ? $0 : UInt8(ascii: "?") },
        as: UTF8.self)
    }
    return "\(short(user))@\(short(host)) \(short(place)) (\(process))"
  }
}

import Glibc
import Platform

/// How important an entry of the log is.
package enum LogLevel: String, Codable, Sendable, CaseIterable, Comparable {
  case error, warn, info, debug

  /// Of syslog(3), as the journal reads it from the beginning of a line (sd-daemon(3)).
  package var journalPrefix: String {
    switch self {
    case .error: "<3>"
    case .warn: "<4>"
    case .info: "<6>"
    case .debug: "<7>"
    }
  }

  private var rank: Int { Self.allCases.firstIndex(of: self)! }
  package static func < (left: LogLevel, right: LogLevel) -> Bool { left.rank < right.rank }
}

/// Structured entries, one line each, as in
/// `2026-11-24T13:00:00.123Z level=info event=listening address=127.0.0.1:7443`. Any thread.
package final class Log: Sendable {
  /// Names and values, in this order.
  package struct Fields: ExpressibleByDictionaryLiteral {
    package let pairs: [(name: String, value: String)]

    package init(dictionaryLiteral pairs: (String, String)...) { self.init(pairs) }
    private init(_ pairs: [(name: String, value: String)]) { self.pairs = pairs }

    package static func + (first: Fields, more: Fields) -> Fields { Fields(first.pairs + more.pairs) }
  }

  private let level: LogLevel
  private let descriptor: Int32
  private let isJournal: Bool
  private let limiter: LogLimiter

  /// `descriptor` stays the caller's. Of each event `burst` entries are written in ten seconds, the others counted.
  package init(level: LogLevel = .info, descriptor: Int32 = STDERR_FILENO, burst: Int = 100) {
    self.level = level
    self.descriptor = descriptor
    isJournal = Self.isJournal(descriptor, Environment.all)
    limiter = LogLimiter(burst: burst)
  }

  /// Whether the journal reads what is written there: it has the time of each line, and reads its level
  /// (systemd.exec(5), `JOURNAL_STREAM`).
  package static func isJournal(_ descriptor: Int32, _ environment: [String: String]) -> Bool {
    var info = stat()
    guard let stream = environment["JOURNAL_STREAM"], fstat(descriptor, &info) == 0 else { return false }
    return stream == "\(info.st_dev):\(info.st_ino)"
  }

  package func error(_ event: StaticString, _ fields: Fields = [:]) { write(.error, event, fields) }
  package func warn(_ event: StaticString, _ fields: Fields = [:]) { write(.warn, event, fields) }
  package func info(_ event: StaticString, _ fields: Fields = [:]) { write(.info, event, fields) }

  /// `fields` is only evaluated when such entries are logged.
  package func debug(_ event: StaticString, _ fields: @autoclosure () -> Fields = [:]) {
    if level >= .debug { write(.debug, event, fields()) }
  }

  private func write(_ level: LogLevel, _ event: StaticString, _ fields: Fields) {
    guard level <= self.level else { return }
    let now = Clock.microseconds()
    guard let suppressed = limiter.admit("\(event)", now: now) else { return }
    var line = isJournal ? LogLine(inJournal: level, "\(event)") : LogLine(level, "\(event)", now)
    for (name, value) in fields.pairs { line.add(name, value) }
    if suppressed > 0 { line.add("suppressed", "\(suppressed)") }
    line.write(to: descriptor)
  }
}

/// Keeps one kind of event from filling the log: a peer can make some of them happen as often as it likes.
package final class LogLimiter: Sendable {
  private struct Window {
    var end: Int64
    var count: Int
  }
  private let windows = Mutex<[String: Window]>([:])
  private let burst: Int
  /// Microseconds.
  private static let length: Int64 = 10_000_000

  package init(burst: Int) { self.burst = burst }

  /// Whether one more may be written: how many were not since the last; nil: it may not.
  package func admit(_ event: String, now: Int64) -> Int? {
    windows.withLock { windows in
      let window = windows[event]
      guard let window, now < window.end, now >= window.end - Self.length else {
        windows[event] = Window(end: now + Self.length, count: 1)
        return max(0, (window?.count ?? 0) - burst)
      }
      windows[event]!.count += 1
      return window.count < burst ? 0 : nil
    }
  }
}

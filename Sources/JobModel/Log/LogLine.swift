import Glibc
import JobAPI

/// The bytes of one log entry. Nothing in a value can end the line, begin another field or reach a terminal as a
/// control sequence.
package struct LogLine {
  package private(set) var text: String
  private static let longestValue = 2048

  package init(_ level: LogLevel, _ event: String, _ microseconds: Int64) {
    // Microseconds are more than a log needs.
    text = "\(TimeText.text(microseconds).dropLast(4))Z level=\(level.rawValue) event=\(event)"
  }

  /// Without a time of its own.
  package init(inJournal level: LogLevel, _ event: String) {
    text = "\(level.journalPrefix)level=\(level.rawValue) event=\(event)"
  }

  package mutating func add(_ name: String, _ value: String) {
    text += " \(name)="
    let isPlain =
      !value.isEmpty && value.utf8.count <= Self.longestValue && value.utf8.allSatisfy(Self.isPlain)
    text += isPlain ? value : Self.quote(value)
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    byte > 0x20 && byte < 0x7f && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "=")
      && byte != UInt8(ascii: "\\")
  }

  /// In quotation marks, control characters and what some readers take for the end of a line escaped.
  private static func quote(_ value: String) -> String {
    var quoted = "\""
    for scalar in value.unicodeScalars {
      if quoted.utf8.count > longestValue {
        quoted += "..."
        break
      }
      switch scalar {
      case "\"", "\\": quoted += "\\\(scalar)"
      case "\n": quoted += "\\n"
      default:
        let category = scalar.properties.generalCategory
        let isHidden = [.control, .format, .lineSeparator, .paragraphSeparator].contains(category)
        if isHidden {
          quoted += "\\u{\(String(scalar.value, radix: 16))}"
        } else {
          quoted.unicodeScalars.append(scalar)
        }
      }
    }
    return quoted + "\""
  }

  /// One write(2), so that lines of several processes are not mixed. A log that cannot be written is not a reason
  /// to stop.
  package func write(to descriptor: Int32) {
    let bytes = Array((text + "\n").utf8)
    while Glibc.write(descriptor, bytes, bytes.count) < 0 && errno == EINTR {}
  }
}

import Glibc

/// Times as the API writes them: RFC 3339 in UTC with microseconds.
public enum TimeText {
  public static let allowed = "a time such as 2026-01-31T12:00:00Z, or a duration back from now such as 10m"

  /// `microseconds` since 1970.
  public static func text(_ microseconds: Int64) -> String {
    let (seconds, fraction) = microseconds.quotientAndRemainder(dividingBy: 1_000_000)
    var time = time_t(seconds)
    var parts = tm()
    gmtime_r(&time, &parts)
    let date = "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
    let digits = String(fraction)
    let zeros = String(repeating: "0", count: 6 - digits.utf8.count)
    return "\(date)T\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)).\(zeros)\(digits)Z"
  }

  private static func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }

  /// Microseconds since 1970 of RFC 3339 text (section 5.6); nil for anything else.
  public static func microseconds(_ text: String) -> Int64? {
    var scanner = DigitScanner(text)
    guard let year = scanner.number(4), scanner.skip("-"), let month = scanner.number(2), scanner.skip("-"),
      let day = scanner.number(2), scanner.skip("T", or: "t"), let hour = scanner.number(2),
      scanner.skip(":"),
      let minute = scanner.number(2), scanner.skip(":"), let second = scanner.number(2),
      (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second <= 60
    else { return nil }
    let fraction = scanner.fraction()
    guard let fraction, let offset = scanner.offset(), scanner.isAtEnd else { return nil }
    var parts = tm()
    (parts.tm_year, parts.tm_mon, parts.tm_mday) = (Int32(year - 1900), Int32(month - 1), Int32(day))
    // A day that the month does not have becomes one of the next.
    let midnight = Int64(timegm(&parts))
    guard parts.tm_mday == Int32(day) else { return nil }
    let seconds = midnight + Int64(hour * 3600 + minute * 60 + second - offset)
    return seconds * 1_000_000 + Int64(fraction)
  }
}

/// Takes a time's parts from the front of a text.
private struct DigitScanner {
  private var rest: Substring.UTF8View

  init(_ text: String) { rest = Substring(text).utf8 }

  var isAtEnd: Bool { rest.isEmpty }

  mutating func number(_ count: Int) -> Int? {
    let digits = rest.prefix(count)
    guard digits.count == count, digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    rest = rest.dropFirst(count)
    return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
  }

  mutating func skip(_ characters: Unicode.Scalar...) -> Bool { skip(any: characters) }
  mutating func skip(_ one: Unicode.Scalar, or other: Unicode.Scalar) -> Bool { skip(any: [one, other]) }

  private mutating func skip(any characters: [Unicode.Scalar]) -> Bool {
    guard let first = rest.first, characters.contains(Unicode.Scalar(first)) else { return false }
    rest = rest.dropFirst()
    return true
  }

  /// Microseconds after an optional point; nil when no digit follows the point.
  mutating func fraction() -> Int? {
    guard skip(".") else { return 0 }
    let digits = rest.prefix { (0x30...0x39).contains($0) }
    guard !digits.isEmpty else { return nil }
    rest = rest.dropFirst(digits.count)
    let six = Array(digits.prefix(6)) + Array(repeating: 0x30, count: max(0, 6 - digits.count))
    return six.reduce(0) { $0 * 10 + Int($1 - 0x30) }
  }

  /// Seconds east of UTC.
  mutating func offset() -> Int? {
    if skip("Z", or: "z") { return 0 }
    let sign = rest.first == UInt8(ascii: "-") ? -1 : 1
    guard skip("+", or: "-"), let hours = number(2), skip(":"), let minutes = number(2), hours < 24,
      minutes < 60
    else { return nil }
    return sign * (hours * 3600 + minutes * 60)
  }
}

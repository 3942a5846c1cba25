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
    var rest = Substring(text).utf8
    guard let time = numbers("0000-00-00T00:00:00", &rest), let fraction = fraction(&rest),
      let offset = offset(&rest), rest.isEmpty, (1...12).contains(time[1]), (1...31).contains(time[2]),
      time[3] < 24, time[4] < 60, time[5] <= 60
    else { return nil }
    var parts = tm()
    (parts.tm_year, parts.tm_mon, parts.tm_mday) = (Int32(time[0] - 1900), Int32(time[1] - 1), Int32(time[2]))
    // A day that the month does not have becomes one of the next.
    let midnight = Int64(timegm(&parts))
    guard parts.tm_mday == Int32(time[2]) else { return nil }
    return (midnight + Int64(time[3] * 3600 + time[4] * 60 + time[5] - offset)) * 1_000_000 + Int64(fraction)
  }

  /// The numbers at the beginning of a text that looks like `form`, in which 0 stands for any digit. A letter may be in
  /// lower case.
  private static func numbers(_ form: StaticString, _ rest: inout Substring.UTF8View) -> [Int]? {
    var numbers = [0]
    for expected in UnsafeBufferPointer(start: form.utf8Start, count: form.utf8CodeUnitCount) {
      guard let byte = rest.popFirst() else { return nil }
      if expected == UInt8(ascii: "0") {
        guard (0x30...0x39).contains(byte) else { return nil }
        numbers[numbers.count - 1] = numbers[numbers.count - 1] * 10 + Int(byte - 0x30)
      } else {
        guard byte == expected || byte == expected | 0x20 else { return nil }
        numbers.append(0)
      }
    }
    return numbers
  }

  /// Microseconds after an optional point; nil when no digit follows the point.
  private static func fraction(_ rest: inout Substring.UTF8View) -> Int? {
    guard rest.first == UInt8(ascii: ".") else { return 0 }
    let digits = rest.dropFirst().prefix { (0x30...0x39).contains($0) }
    rest = rest.dropFirst(1 + digits.count)
    guard !digits.isEmpty else { return nil }
    return (Array(digits) + [0x30, 0x30, 0x30, 0x30, 0x30]).prefix(6).reduce(0) { $0 * 10 + Int($1 - 0x30) }
  }

  /// Seconds east of UTC.
  private static func offset(_ rest: inout Substring.UTF8View) -> Int? {
    let sign = rest.popFirst()
    if sign.map({ $0 | 0x20 }) == UInt8(ascii: "z") { return 0 }
    guard sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-"), let time = numbers("00:00", &rest),
      time[0] < 24, time[1] < 60
    else { return nil }
    return (sign == UInt8(ascii: "-") ? -60 : 60) * (time[0] * 60 + time[1])
  }
}

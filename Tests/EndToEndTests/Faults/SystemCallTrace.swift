/// System calls in the order of their beginnings and ends, as strace(1) saw them: a call that began after another had
/// ended began after it.
struct SystemCallTrace {
  struct Call {
    let thread: Int32
    let name: String
    /// Of the file that the descriptor in the first argument, or in the result, is open on.
    var path = ""
    /// Of all arguments that are strings, one after the other.
    var bytes: [UInt8] = []
    var result = ""
    let begin: Int
    var end = Int.max
  }

  private(set) var calls: [Call] = []

  /// What to run strace with: descriptors with paths, all strings whole and in hexadecimal, written to `file`. It is no
  /// parent of what it runs, which so has the place of any other program.
  static func command(_ calls: [String], to file: String) -> [String] {
    [
      "strace", "-D", "-f", "-y", "-xx", "-s", "16777216", "-o", file, "--seccomp-bpf", "-e",
      "trace=\(calls.joined(separator: ","))",
    ]
  }

  init(_ text: String) {
    var unfinished: [Int32: Int] = [:]
    for (number, line) in text.utf8.split(separator: UInt8(ascii: "\n")).enumerated() {
      var rest = line[...]
      guard let thread = Int32(Self.take(&rest, until: " ")) else { continue }
      rest = rest.drop { $0 == UInt8(ascii: " ") }
      if rest.starts(with: "<... ".utf8) {
        guard let index = unfinished.removeValue(forKey: thread) else { continue }
        finish(index, rest, number)
      } else if let name = Self.name(&rest) {
        calls.append(Call(thread: thread, name: name, begin: number))
        let index = calls.count - 1
        calls[index].path = Self.path(in: rest.prefix { $0 != UInt8(ascii: ",") && $0 != UInt8(ascii: ")") })
        calls[index].bytes = Self.strings(in: rest)
        if rest.suffix(16).elementsEqual(" <unfinished ...>".utf8.suffix(16)) {
          unfinished[thread] = index
        } else {
          finish(index, rest, number)
        }
      }
    }
  }

  private mutating func finish(_ index: Int, _ line: Substring.UTF8View.SubSequence, _ number: Int) {
    calls[index].end = number
    // Strings are in hexadecimal: the last sign is the one before the result.
    guard let sign = line.lastIndex(of: UInt8(ascii: "=")) else { return }
    let result = line[line.index(after: sign)...].drop { $0 == UInt8(ascii: " ") }
    if calls[index].name == "openat" { calls[index].path = Self.path(in: result) }
    calls[index].result = String(decoding: result.prefix { $0 != UInt8(ascii: "<") }, as: UTF8.self)
  }

  private static func take(_ rest: inout Substring.UTF8View.SubSequence, until end: Unicode.Scalar) -> String
  {
    let taken = rest.prefix { $0 != UInt8(ascii: end) }
    rest = rest[taken.endIndex...]
    return String(decoding: taken, as: UTF8.self)
  }

  /// Nil for what is no call: a signal, an exit.
  private static func name(_ rest: inout Substring.UTF8View.SubSequence) -> String? {
    let name = rest.prefix { $0 != UInt8(ascii: "(") }
    guard name.endIndex < rest.endIndex, name.allSatisfy({ $0 >= 0x30 && $0 <= 0x7a }) else { return nil }
    rest = rest[name.endIndex...].dropFirst()
    return String(decoding: name, as: UTF8.self)
  }

  private static func path(in text: Substring.UTF8View.SubSequence) -> String {
    let path = text.drop { $0 != UInt8(ascii: "<") }.dropFirst().prefix { $0 != UInt8(ascii: ">") }
    return String(decoding: bytes(path), as: UTF8.self)
  }

  private static func strings(in text: Substring.UTF8View.SubSequence) -> [UInt8] {
    let parts = text.split(separator: UInt8(ascii: "\""), omittingEmptySubsequences: false)
    return stride(from: 1, to: parts.count, by: 2).flatMap { bytes(parts[$0]) }
  }

  /// `\x2f\x74`, and so on.
  private static func bytes(_ text: Substring.UTF8View.SubSequence) -> [UInt8] {
    var bytes: [UInt8] = []
    var value: UInt8 = 0
    for (index, byte) in text.enumerated() where index % 4 > 1 {
      let digit = byte <= 0x39 ? byte - 0x30 : byte - 0x61 + 10
      if index % 4 == 2 { value = digit << 4 } else { bytes.append(value | digit) }
    }
    return bytes
  }
}

/// What an option's value must be, and how it is read and written.
package struct OptionValue<Value>: Sendable {
  package typealias Parse = @Sendable (String) -> Value?
  package typealias Print = @Sendable (Value) -> String

  package let kind: OptionKind
  // Words are put together when they are needed: few of a program's options are mentioned in one run.
  private let placeholderWords, allowedWords: @Sendable () -> String
  /// Nil for anything else.
  package let parse: Parse
  package let print: Print

  package init(
    _ kind: OptionKind, _ placeholder: @autoclosure @escaping @Sendable () -> String,
    _ allowed: @autoclosure @escaping @Sendable () -> String, print: @escaping Print = { "\($0)" },
    parse: @escaping Parse
  ) {
    (self.kind, placeholderWords, allowedWords) = (kind, placeholder, allowed)
    (self.print, self.parse) = (print, parse)
  }

  /// Stands for the value in the help.
  package var placeholder: String { placeholderWords() }
  /// What may be given, in words.
  package var allowed: String { allowedWords() }
}

/// What sort of value it is, for those who show one or offer some.
package enum OptionKind: Equatable, Sendable {
  case text
  /// Texts with a comma between each two.
  case list
  /// A number or a truth, as JSON has them.
  case literal
  case file, directory
  case words([String])
  /// Text that begins with one of these.
  case beginnings([String])
}

extension OptionValue<String> {
  package static func oneOf(_ words: [String]) -> Self {
    Self(.words(words), words.joined(separator: "|"), words.alternatives) { words.contains($0) ? $0 : nil }
  }
}

extension OptionValue<Bool> {
  package static var toggle: Self { Self(.literal, "true|false", "true or false") { Bool($0) } }
}

extension OptionValue<Int> {
  /// Here and below, an end of the range that is the type's own is none.
  package static func number(_ range: ClosedRange<Int>, _ placeholder: String = "N") -> Self {
    Self(.literal, placeholder, "a whole number" + words(range, "") { "\($0)" }) {
      Int($0).flatMap { range.contains($0) ? $0 : nil }
    }
  }

  package static func size(_ range: ClosedRange<Int>) -> Self {
    inUnits(.bytes, "SIZE", range) { Units.bytes.print(Int64($0)) }
  }

  package static func duration(_ range: ClosedRange<Int> = .min ... .max) -> Self {
    inUnits(.time, "TIME", range) { $0 == 0 ? "0s" : Units.time.print(Int64($0)) }
  }

  private static func inUnits(
    _ units: Units, _ placeholder: String, _ range: ClosedRange<Int>, _ print: @escaping Print
  ) -> Self {
    let range = range.lowerBound...min(range.upperBound, Int(units.most))
    return Self(.text, placeholder, units.allowed + words(range, ",", print), print: print) {
      units.parse($0).flatMap { range.contains(Int($0)) ? Int($0) : nil }
    }
  }

  /// Both ends of `range` that are there, after `comma`.
  private static func words(_ range: ClosedRange<Int>, _ comma: String, _ print: Print) -> String {
    let least = range.lowerBound == .min ? nil : "\(comma) from \(print(range.lowerBound))"
    if range.upperBound == .max { return least ?? "" }
    return "\(least ?? "\(comma) up") to \(print(range.upperBound))"
  }
}

extension String {
  /// An option's name as a file and, in capital letters, the environment have it: with `_` for `-`.
  package var underscored: String { String(decoding: utf8.map { $0 == 0x2d ? 0x5f : $0 }, as: UTF8.self) }
}

extension [String] {
  /// `a, b or c`.
  package var alternatives: String {
    dropLast().joined(separator: ", ") + (count > 1 ? " or " : "") + last!
  }
}

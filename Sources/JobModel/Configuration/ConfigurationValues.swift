import JobAPI
import Platform

/// Kinds of values that only the daemon's options have.
extension OptionValue<Address> {
  static var address: Self {
    Self(
      .text, "HOST:PORT", "HOST:PORT, such as 127.0.0.1:7443 or [::1]:7443; port 0 picks a free one"
    ) { text in
      guard let address = Address(text), !address.host.isEmpty else { return nil }
      // Else it is not said where an address of IPv6 ends.
      let isClear = !address.host.contains(":") || text.hasPrefix("[\(address.host)]:")
      return isClear ? address : nil
    }
  }
}

extension OptionValue<String> {
  static var path: Self {
    Self(.file, "PATH", "the path of a file or directory") { $0.isEmpty ? nil : $0 }
  }
}

/// An empty text is none.
extension OptionValue<String?> {
  static var optionalPath: Self { optional(.file, "PATH", OptionValue<String>.path.allowed) }
  static var auditPlace: Self {
    let journal = Configuration.journal
    return Self(
      .text, "PATH|\(journal)", "an absolute path, or \(journal)", print: { $0 ?? "" },
      parse: { $0.isEmpty ? .some(nil) : $0.hasPrefix("/") || $0 == journal ? .some($0) : nil })
  }
  static var optionalText: Self { optional(.text, "NAME", "a text that is not empty") }

  private static func optional(_ kind: OptionKind, _ placeholder: String, _ allowed: String) -> Self {
    Self(kind, placeholder, allowed, print: { $0 ?? "" }, parse: { .some($0.isEmpty ? nil : $0) })
  }
}

extension OptionValue<Role> {
  static var role: Self { named() }
}

extension OptionValue<Identity> {
  static var identity: Self { named() }
}

extension OptionValue where Value: CaseIterable & RawRepresentable & Sendable, Value.RawValue == String {
  fileprivate static func named() -> Self {
    let values = Dictionary(uniqueKeysWithValues: Value.allCases.map { ($0.rawValue, $0) })
    let names = Value.allCases.map(\.rawValue)
    return Self(
      .words(names), names.joined(separator: "|"), names.alternatives, print: { $0.rawValue },
      parse: { values[$0] })
  }
}

extension OptionValue<[String]> {
  /// An empty text is no names. Space around a name is not part of it.
  fileprivate static func names(in text: String) -> [String]? {
    let parts = text.split(separator: ",", omittingEmptySubsequences: text.isEmpty)
    let names = parts.map { part in
      let start = part.drop { $0 == " " }
      return start.lastIndex { $0 != " " }.map { String(start[...$0]) } ?? ""
    }
    return names.contains("") ? nil : names
  }
}

/// Names; nil: any.
extension OptionValue<[String]?> {
  static var runners: Self { allOr("names", "sandbox,\(Runner.none)", mayBeNone: true) }
  static var users: Self { allOr("names or numbers of users", "build,deploy", mayBeNone: false) }

  private static func allOr(_ what: String, _ example: String, mayBeNone: Bool) -> Self {
    let all = ClientSettings.all
    return Self(
      .list, "NAME,...", "\(all), or \(what) with a comma between each two, such as \(example)",
      print: { $0?.joined(separator: ",") ?? all },
      parse: { text in
        guard text != all else { return .some(nil) }
        let names = OptionValue<[String]>.names(in: text)
        return names.flatMap { $0.isEmpty && !mayBeNone ? nil : .some($0) }
      })
  }
}

/// The name of a runner; nil: none.
extension OptionValue<String?> {
  static var runner: Self {
    Self(
      .text, "NAME", "the name of a runner, or \(Runner.none)", print: { $0 ?? Runner.none },
      parse: { $0.isEmpty ? nil : .some($0 == Runner.none ? nil : $0) })
  }
}

extension OptionValue<Int> {
  static func automatic(most: Int) -> Self {
    let number = number(0...most)
    return Self(
      .literal, number.placeholder, "a whole number up to \(most); 0: as the machine suggests",
      parse: number.parse)
  }

  /// Thousandths of a CPU.
  package static var cpus: Self {
    Self(
      .literal, "N", JobLimits.allowed("cpus"),
      print: { $0 % 1000 == 0 ? "\($0 / 1000)" : "\(Double($0) / 1000)" },
      parse: { text in
        Double(text).flatMap { (0.01...JobLimits.mostCPUs).contains($0) ? Int(($0 * 1000).rounded()) : nil }
      })
  }

  /// What a job may use: a value, or `none`, which is 0.
  static func limit(_ value: Self) -> Self {
    Self(
      .text, value.placeholder, "none, or \(value.allowed)", print: { $0 == 0 ? "none" : value.print($0) },
      parse: { $0 == "none" ? 0 : value.parse($0) })
  }
}

extension OptionValue<LogLevel> {
  static var level: Self { Self(.text, "LEVEL", LogLevel.allowed) { LogLevel(rawValue: $0) } }
}

extension LogLevel {
  static let allowed = allCases.map(\.rawValue).joined(separator: ", ")
}

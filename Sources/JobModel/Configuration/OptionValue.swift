import JobAPI

/// What kind of value an option has and where it lies in the configuration.
package enum OptionValue: Sendable {
  package typealias Field<Value> = WritableKeyPath<Configuration, Value> & Sendable

  case address
  case text(Field<String>)
  case path(Field<String>)
  case optionalPath(Field<String?>)
  case optionalText(Field<String?>)
  case names(Field<[String]>)
  /// 0 stands for the default.
  case automatic(Field<Int>, most: Int)
  case number(Field<Int>, ClosedRange<Int>)
  case size(Field<Int>, ClosedRange<Int>)
  case duration(Field<Int>, ClosedRange<Int>)
  case toggle(Field<Bool>)
  case level

  /// What may be given, in words.
  package var allowed: String {
    switch self {
    case .address: "HOST:PORT, such as 127.0.0.1:7443 or [::1]:7443; port 0 picks a free one"
    case .text, .optionalText: "a text that is not empty"
    case .path, .optionalPath: "the path of a file or directory"
    case .names: "names with a comma between each two, such as prometheus,alice"
    case .automatic(_, let most): "a whole number up to \(most); 0: as the machine suggests"
    case .number(_, let range): "a whole number from \(range.lowerBound) to \(range.upperBound)"
    case .size(_, let range):
      "\(SizeText.allowed), from \(SizeText.print(range.lowerBound)) to \(SizeText.print(range.upperBound))"
    case .duration(_, let range):
      "\(DurationText.allowed), from \(Self.print(range.lowerBound)) to \(Self.print(range.upperBound))"
    case .toggle: "true or false"
    case .level: LogLevel.allCases.map(\.rawValue).joined(separator: ", ")
    }
  }

  /// Stands for the value in the help.
  package var placeholder: String {
    switch self {
    case .address: "HOST:PORT"
    case .text, .optionalText: "NAME"
    case .names: "NAME,..."
    case .path, .optionalPath: "PATH"
    case .automatic, .number: "N"
    case .size: "SIZE"
    case .duration: "TIME"
    case .toggle: "true|false"
    case .level: "LEVEL"
    }
  }

  package func print(_ configuration: Configuration) -> String {
    switch self {
    case .address:
      let host = configuration.listenHost
      return "\(host.contains(":") ? "[\(host)]" : host):\(configuration.listenPort)"
    case .text(let field), .path(let field): return configuration[keyPath: field]
    case .optionalPath(let field), .optionalText(let field): return configuration[keyPath: field] ?? ""
    case .names(let field): return configuration[keyPath: field].joined(separator: ",")
    case .automatic(let field, _), .number(let field, _): return "\(configuration[keyPath: field])"
    case .size(let field, _): return SizeText.print(configuration[keyPath: field])
    case .duration(let field, _): return Self.print(configuration[keyPath: field])
    case .toggle(let field): return "\(configuration[keyPath: field])"
    case .level: return configuration.logLevel.rawValue
    }
  }

  private static func print(_ milliseconds: Int) -> String {
    milliseconds == 0 ? "0s" : DurationText(milliseconds: Int64(milliseconds)).description
  }

  /// Sets what `text` says. False: that is not allowed.
  package func set(_ text: String, in configuration: inout Configuration) -> Bool {
    switch self {
    case .address: return Self.setAddress(text, in: &configuration)
    case .text(let field), .path(let field):
      guard !text.isEmpty else { return false }
      configuration[keyPath: field] = text
    case .optionalPath(let field), .optionalText(let field):
      configuration[keyPath: field] = text.isEmpty ? nil : text
    case .names(let field): return Self.set(text, field, in: &configuration)
    case .automatic(let field, let most):
      guard let number = Int(text), (0...most).contains(number) else { return false }
      if number > 0 { configuration[keyPath: field] = number }
    case .number(let field, let range): return Self.set(Int(text), range, field, in: &configuration)
    case .size(let field, let range): return Self.set(SizeText.parse(text), range, field, in: &configuration)
    case .duration(let field, let range):
      return Self.set(DurationText(text).map { Int($0.milliseconds) }, range, field, in: &configuration)
    case .toggle(let field):
      guard let value = Bool(text) else { return false }
      configuration[keyPath: field] = value
    case .level:
      guard let level = LogLevel(rawValue: text) else { return false }
      configuration.logLevel = level
    }
    return true
  }

  /// None is an empty text. Space around a name is not part of it.
  private static func set(_ text: String, _ field: Field<[String]>, in configuration: inout Configuration)
    -> Bool
  {
    var names: [String] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: text.isEmpty) {
      guard let first = part.firstIndex(where: { $0 != " " }), let last = part.lastIndex(where: { $0 != " " })
      else { return false }
      names.append(String(part[first...last]))
    }
    configuration[keyPath: field] = names
    return true
  }

  private static func set(
    _ number: Int?, _ range: ClosedRange<Int>, _ field: Field<Int>, in configuration: inout Configuration
  ) -> Bool {
    guard let number, range.contains(number) else { return false }
    configuration[keyPath: field] = number
    return true
  }

  private static func setAddress(_ text: String, in configuration: inout Configuration) -> Bool {
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
      return false
    }
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
    } else if host.contains(":") {
      return false
    }
    guard !host.isEmpty else { return false }
    configuration.listenHost = String(host)
    configuration.listenPort = port
    return true
  }
}

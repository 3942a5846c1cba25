import Platform

/// A command of the configuration: words, some of which have placeholders, and groups of words that are there or left out
/// together. Nothing of it is ever read by a shell.
package struct CommandTemplate: Sendable, Codable, Equatable {
  /// What stands for a value, in braces.
  package enum Placeholder: String, CaseIterable, Sendable {
    case id, client, user, group, cwd
    case memoryMiB = "memory_mib"
    case memoryBytes = "memory_bytes"
    case cpus
    case cpusExact = "cpus_exact"
    case processes
    case timeoutSeconds = "timeout_seconds"
    case timeoutMinutes = "timeout_minutes"
    /// A word of its own, which becomes `env -- NAME=VALUE ...`.
    case environment = "env"
    /// A signal's name, such as `TERM`.
    case signal
  }

  package struct Group: Sendable, Codable, Equatable {
    let words: [String]
    /// Written as an array in the array.
    let isNested: Bool
  }

  private(set) var groups: [Group] = []

  package init() {}

  /// `allowed`: the placeholders it may have. Throws what is wrong, in words that follow where it is written.
  init(
    _ value: ConfigurationFile.Value, _ place: String, _ allowed: [Placeholder]
  ) throws(ConfigurationError) {
    guard case .list(let elements) = value else { throw Self.malformed(place) }
    for element in elements {
      if case .list(let words) = element {
        let nested = try words.map { (word) throws(ConfigurationError) in try Self.word(word, place) }
        groups.append(Group(words: nested, isNested: true))
      } else {
        groups.append(Group(words: [try Self.word(element, place)], isNested: false))
      }
    }
    guard let first = groups.first, !first.isNested, !first.words[0].isEmpty,
      Self.parts(first.words[0]).allSatisfy({ $0.placeholder == nil })
    else { throw ConfigurationError("\(place) must begin with a program, which has no placeholder") }
    for word in groups.flatMap(\.words) { try Self.check(word, place, allowed) }
  }

  private static func malformed(_ place: String) -> ConfigurationError {
    ConfigurationError(
      "\(place) must be an array of texts, and of arrays of texts that are left out together")
  }

  private static func word(
    _ value: ConfigurationFile.Value, _ place: String
  ) throws(ConfigurationError) -> String {
    guard case .text(let text) = value, !text.utf8.contains(0) else { throw malformed(place) }
    return text
  }

  private static func check(
    _ word: String, _ place: String, _ allowed: [Placeholder]
  ) throws(ConfigurationError) {
    for case .unknown(let name) in parts(word) {
      let near = NearName.find(name, among: allowed.map(\.rawValue), most: 3)
      throw ConfigurationError(
        "\(place): there is no placeholder {\(name)}\(near.map { ", did you mean {\($0)}?" } ?? "")")
    }
    for placeholder in placeholders(word) where !allowed.contains(placeholder) {
      let names = allowed.map { "{\($0.rawValue)}" }.joined(separator: ", ")
      throw ConfigurationError(
        "\(place): {\(placeholder.rawValue)} cannot be had here; what can is \(names)")
    }
    if placeholders(word).contains(.environment), word != "{env}" {
      throw ConfigurationError("\(place): {env} must be a word of its own, since it becomes several")
    }
  }

  package var isEmpty: Bool { groups.isEmpty }
  var placeholders: [Placeholder] { groups.flatMap(\.words).flatMap(Self.placeholders) }
  package func has(_ placeholder: Placeholder) -> Bool { placeholders.contains(placeholder) }

  /// Its words with the values put in. A word, or a group, of which one has none (nil) is left out. `environment`: of
  /// ``Placeholder/environment``, which has no value when that is empty.
  package func words(
    _ value: (Placeholder) -> String?, environment: [(name: String, value: String)] = []
  ) -> [String] {
    groups.flatMap { group in
      var words: [String] = []
      for word in group.words {
        if word == "{env}" {
          guard !environment.isEmpty else { return [String]() }
          words += ["env", "--"] + environment.map { "\($0.name)=\($0.value)" }
        } else {
          guard let filled = Self.fill(word, value) else { return [] }
          words.append(filled)
        }
      }
      return words
    }
  }

  private static func fill(_ word: String, _ value: (Placeholder) -> String?) -> String? {
    var filled = ""
    for part in parts(word) {
      switch part {
      case .literal(let text): filled += text
      case .value(let placeholder):
        guard let text = value(placeholder) else { return nil }
        filled += text
      case .unknown: break
      }
    }
    return filled
  }
}

extension CommandTemplate {
  private enum Part {
    case literal(Substring)
    case value(Placeholder)
    /// Written like a placeholder.
    case unknown(String)

    var placeholder: Placeholder? {
      if case .value(let placeholder) = self { placeholder } else { nil }
    }
  }

  private static func placeholders(_ word: String) -> [Placeholder] { parts(word).compactMap(\.placeholder) }

  /// Small letters and `_` in braces are a placeholder; all else stands for itself.
  private static func parts(_ word: String) -> [Part] {
    var (parts, rest) = ([Part](), word[...])
    while let open = rest.firstIndex(of: "{") {
      let name = rest[rest.index(after: open)...].prefix { ("a"..."z").contains($0) || $0 == "_" }
      if !name.isEmpty, name.endIndex < rest.endIndex, rest[name.endIndex] == "}" {
        parts.append(.literal(rest[..<open]))
        parts.append(Placeholder(rawValue: String(name)).map { .value($0) } ?? .unknown(String(name)))
        rest = rest[rest.index(after: name.endIndex)...]
      } else {
        parts.append(.literal(rest[...open]))
        rest = rest[rest.index(after: open)...]
      }
    }
    return parts + [.literal(rest)]
  }
}

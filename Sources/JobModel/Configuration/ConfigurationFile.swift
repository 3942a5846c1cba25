import FoundationEssentials
import Glibc
import Platform

/// Reads a configuration file: one JSON5 object (https://spec.json5.org) whose members are options.
package enum ConfigurationFile {
  package static let maximumSize = 1 << 20

  /// Its members by name; nil when there is no such file and it is not required.
  static func read(_ path: String, isRequired: Bool) throws(ConfigurationError) -> [String: Value]? {
    let bytes: [UInt8]
    do {
      bytes = try SmallFile.read(path, most: maximumSize + 1)
    } catch {
      if error.code == ENOENT && !isRequired { return nil }
      throw ConfigurationError("\(error)")
    }
    guard bytes.count <= maximumSize else {
      throw ConfigurationError("\(path) is larger than a configuration file may be")
    }
    return try parse(bytes, path)
  }

  /// The decoder does not say where it stopped: the line after the last one up to which the file, were it to end there,
  /// is an object. Nil for a file that is too large to try.
  private static func brokenLine(_ bytes: [UInt8], _ decoder: JSONDecoder) -> Int? {
    let ends = bytes.indices.filter { bytes[$0] == UInt8(ascii: "\n") }
    guard bytes.count <= 1 << 16, ends.count <= 1000 else { return nil }
    let last = ends.lastIndex { end in
      ["", "\n}"].contains { isObject(bytes[..<end] + $0.utf8, decoder) }
    }
    return last.map { $0 + 2 } ?? 1
  }

  private static func isObject(_ bytes: ArraySlice<UInt8>, _ decoder: JSONDecoder) -> Bool {
    (try? decoder.decode([String: Value].self, from: Data(bytes))) != nil
  }

  private static func parse(_ bytes: [UInt8], _ path: String) throws(ConfigurationError) -> [String: Value] {
    let decoder = JSONDecoder()
    decoder.allowsJSON5 = true
    let members: [String: Value]
    do {
      members = try decoder.decode([String: Value].self, from: Data(bytes))
    } catch DecodingError.typeMismatch {
      throw ConfigurationError("\(path) must be one JSON5 object: { name: value, ... }")
    } catch {
      let place = brokenLine(bytes, decoder).map { ": look at line \($0)" } ?? ""
      throw ConfigurationError("\(path) is not JSON5 (https://spec.json5.org)\(place)")
    }
    if let twice = MemberNames(bytes).repeated {
      let names = twice.enumerated().map { $0 == 1 ? "\"\($1)\"" : $1 }
      throw ConfigurationError("\(path): \(names.joined(separator: ": ")) is there twice")
    }
    return members
  }

  /// What a member may have.
  enum Value: Decodable {
    case text(String)
    case object([String: Value])
    case list([Value])
    /// What no option has.
    case other

    init(from decoder: any Decoder) throws {
      let value = try decoder.singleValueContainer()
      if let truth = try? value.decode(Bool.self) {
        self = .text("\(truth)")
      } else if let number = try? value.decode(Int.self) {
        self = .text("\(number)")
      } else if let number = try? value.decode(Double.self) {
        self = .text("\(number)")
      } else if let text = try? value.decode(String.self) {
        self = .text(text)
      } else if let list = try? value.decode([Value].self) {
        self = .list(list)
      } else {
        self = (try? value.decode([String: Value].self)).map { .object($0) } ?? .other
      }
    }

    /// `place`: where it is written, for the error. `isList`: an array of texts is one with a comma between each two.
    func text(_ place: String, isList: Bool = false) throws(ConfigurationError) -> String {
      if isList, case .list(let values) = self {
        let texts = try values.map { (value) throws(ConfigurationError) in try value.text(place) }
        if let name = texts.first(where: { $0.contains(",") }) {
          throw ConfigurationError("\(place): a name has no comma, but one is \"\(name)\"")
        }
        return texts.joined(separator: ",")
      }
      guard case .text(let text) = self else {
        throw ConfigurationError("\(place) must be a text, a number, true or false")
      }
      return text
    }
  }
}

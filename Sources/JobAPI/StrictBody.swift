import FoundationEssentials

/// A request body that is read strictly: no unknown member, no null, each member of its type, values within limits.
public protocol StrictBody: Decodable {
  /// Each member's name, and in words what it must be.
  static var members: [String: String] { get }
  /// Most JSON values in a body, those within others counted: what is decoded is bounded before it begins.
  static var mostValues: Int { get }
  /// Checks the values once the types are right.
  func validate() throws(InvalidRequest)
}

extension StrictBody {
  public static var mostValues: Int { 32_768 }

  /// Reads a request's body. The error names the member at fault and says what is allowed there.
  public init(strictJSON bytes: some Sequence<UInt8>) throws(InvalidRequest) {
    let data = Data(bytes)
    do {
      try data.withUnsafeBytes { try JSONScan.check($0, most: Self.mostValues) }
      self = try JSONDecoder().decode(Strict<Self>.self, from: data).body
    } catch let error as InvalidRequest {
      throw error
    } catch let error as DecodingError {
      throw InvalidRequest(Self.explain(error))
    } catch {
      throw InvalidRequest("the body is not JSON")
    }
  }

  /// Says which member of this body has the wrong type. `depth`: of the body in what was decoded.
  fileprivate static func explain(_ error: DecodingError, depth: Int = 0) -> String {
    switch error {
    case .keyNotFound(let key, let context) where context.codingPath.count == depth:
      return "member \"\(key.stringValue)\" is missing: it must be \(members[key.stringValue] ?? "there")"
    case .typeMismatch(_, let context), .valueNotFound(_, let context):
      return explain(path: Array(context.codingPath.dropFirst(depth)))
    case .dataCorrupted(let context) where context.codingPath.count > depth:
      return explain(path: Array(context.codingPath.dropFirst(depth)))
    default: return "the body is not JSON (RFC 8259)"
    }
  }

  private static func explain(path: [any CodingKey]) -> String {
    guard let name = path.first?.stringValue else { return "the body must be a JSON object" }
    let what = "member \"\(name)\" must be \(members[name] ?? "of another type")"
    guard path.count > 1 else { return what }
    let item = path[1].intValue.map { "item \($0)" } ?? "\"\(path[1].stringValue)\""
    return "\(what); \(item) is not"
  }
}

/// Looks at the names of an object's members before its values.
struct Strict<Body: StrictBody>: Decodable {
  let body: Body

  init(from decoder: any Decoder) throws {
    let object = try decoder.container(keyedBy: AnyKey.self)
    for key in object.allKeys {
      guard let allowed = Body.members[key.stringValue] else {
        let known = Body.members.keys.sorted().joined(separator: ", ")
        throw InvalidRequest("unknown member \"\(printable(key.stringValue))\"; known are \(known)")
      }
      if try object.decodeNil(forKey: key) {
        throw InvalidRequest("member \"\(key.stringValue)\" must be \(allowed), not null")
      }
    }
    body = try Body(from: decoder)
    try body.validate()
  }
}

/// One job of a batch, whose own mistakes do not spoil the others.
struct Attempt<Body: StrictBody>: Decodable {
  let result: Result<Body, InvalidRequest>

  init(from decoder: any Decoder) throws {
    do {
      result = .success(try Strict<Body>(from: decoder).body)
    } catch let error as InvalidRequest {
      result = .failure(error)
    } catch let error as DecodingError {
      result = .failure(InvalidRequest(Body.explain(error, depth: decoder.codingPath.count)))
    }
  }
}

struct AnyKey: CodingKey {
  let stringValue: String
  var intValue: Int? { nil }
  init?(stringValue: String) { self.stringValue = stringValue }
  init?(intValue: Int) { nil }
}

/// At most 64 characters of what a client sent, without control characters, for a message.
package func printable(_ text: String) -> String {
  String(
    String.UnicodeScalarView(
      text.unicodeScalars.prefix(64).map { $0.value < 32 || $0.value == 127 ? "?" : $0 }))
}

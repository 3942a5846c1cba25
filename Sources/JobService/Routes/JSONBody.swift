import FoundationEssentials

/// Reply bodies by the system's encoder.
enum JSONBody {
  static func encode<Body: Encodable>(_ body: Body) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
    // Bodies are plain values of the API: there is nothing in them that JSON cannot say.
    return [UInt8](try! encoder.encode(body))
  }
}

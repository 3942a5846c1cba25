import FoundationEssentials

/// Bodies of requests and replies by the system's encoder.
package enum JSONBody {
  package static func encode(_ body: some Encodable) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
    // Bodies are plain values of the API: there is nothing in them that JSON cannot say.
    return [UInt8](try! encoder.encode(body))
  }
}

/// Who is at the other end of a connection of the api process: told before the first request that is made for it.
package struct Peer: Equatable, Sendable, ByteValue {
  /// The client.
  package let name: String
  package let role: Role
  /// Of its certificate: the serial number, and the SHA-256 of the whole, in hexadecimal.
  package let serial, fingerprint: String
  /// `address:port`.
  package let address: String

  package init(name: String, role: Role, serial: String, fingerprint: String, address: String) {
    (self.name, self.role) = (name, role)
    (self.serial, self.fingerprint, self.address) = (serial, fingerprint, address)
  }

  private static let longestName = 2048
  private static let longestText = 128

  package func put(into writer: inout ByteWriter) {
    writer.put(name, role.rawValue, serial, fingerprint, address)
  }

  package init(from reader: inout ByteReader) throws(MalformedBytes) {
    name = try reader.string()
    guard !name.isEmpty, name.utf8.count <= Self.longestName, !name.utf8.contains(0),
      let role = Role(rawValue: try reader.string())
    else { throw MalformedBytes() }
    self.role = role
    (serial, fingerprint, address) = (try reader.string(), try reader.string(), try reader.string())
    guard [serial, fingerprint, address].allSatisfy({ $0.utf8.count <= Self.longestText }) else {
      throw MalformedBytes()
    }
  }
}

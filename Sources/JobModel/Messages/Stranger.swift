/// A peer that was not let in.
package struct Stranger: Equatable, Sendable, ByteValue {
  /// `address:port`.
  package let address: String
  package let reason: String
  /// Of the certificate it showed, where that has them.
  package let name, serial: String?
  /// How many it stands for.
  package var count: UInt32

  package init(address: String, reason: String, name: String?, serial: String?, count: UInt32 = 1) {
    (self.address, self.reason) = (address, reason)
    (self.name, self.serial, self.count) = (name, serial, count)
  }

  package func put(into writer: inout ByteWriter) { writer.put(address, reason, name, serial, count) }

  package init(from reader: inout ByteReader) throws(MalformedBytes) {
    (address, reason) = (try reader.string(), try reader.string())
    (name, serial) = (try reader.optionalString(), try reader.optionalString())
    count = try reader.integer()
  }
}

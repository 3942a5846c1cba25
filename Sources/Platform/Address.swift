/// A host and a port as people write them: `HOST:PORT`, with brackets around an address of IPv6.
package struct Address: Equatable, Sendable, CustomStringConvertible {
  package var host: String
  package var port: UInt16

  package init(host: String, port: UInt16) { (self.host, self.port) = (host, port) }

  /// What stands before the last colon is the host: it may be empty.
  package init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
      return nil
    }
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
    self.init(host: String(host), port: port)
  }

  package var description: String { "\(host.contains(":") ? "[\(host)]" : host):\(port)" }
}

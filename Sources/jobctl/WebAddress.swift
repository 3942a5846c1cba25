import Platform

/// An address as people write it where a URL is usual: `HOST`, `HOST:PORT`, or either after `SCHEME://` and before `/`.
struct WebAddress {
  let scheme: String?
  /// `USER:PASSWORD`, as it is written before `@`.
  let credentials: String?
  let address: Address

  /// Throws what is wrong with it, in words.
  init(_ text: String, defaultPort: UInt16) throws(WebAddressError) {
    var rest = Substring(text)
    var scheme: String?
    if let mark = text.firstRange(of: "://") {
      scheme = text[..<mark.lowerBound].lowercased()
      rest = text[mark.upperBound...]
      if rest.hasSuffix("/") { rest.removeLast() }
    }
    let at = rest.lastIndex(of: "@")
    credentials = at.map { String(rest[..<$0]) }
    if let at { rest = rest[rest.index(after: at)...] }
    self.scheme = scheme
    address = try Self.address(rest, defaultPort)
  }

  private static func address(_ text: Substring, _ defaultPort: UInt16) throws(WebAddressError) -> Address {
    let end =
      text.hasPrefix("[") ? text.lastIndex(of: "]").map { text.index(after: $0) } : text.firstIndex(of: ":")
    let host = text[..<(end ?? text.endIndex)]
    let port = text[(end ?? text.endIndex)...]
    if !host.hasPrefix("["), port.dropFirst().contains(":") {
      throw WebAddressError("an address of IPv6 is written in brackets: [\(text)]")
    }
    guard host.hasPrefix("[") == host.hasSuffix("]"), port.isEmpty || port.hasPrefix(":"),
      !host.contains(where: { $0 == "/" || $0.isWhitespace }),
      host.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control }),
      let whole = Address(port.isEmpty ? "\(host):\(defaultPort)" : String(text)), whole.port > 0
    else { throw WebAddressError("it must be HOST or HOST:PORT, such as 127.0.0.1:7443") }
    guard !whole.host.isEmpty else { throw WebAddressError("it names no host") }
    return whole
  }
}

struct WebAddressError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

import JobClient
import Platform

/// The proxy to go through, from the environment or a setting.
enum ProxyChoice {
  private static let port: UInt16 = 80

  /// Of `HTTPS_PROXY` and `NO_PROXY`, as other programs have them: for no address of this host.
  static func standard(for host: String, _ environment: Environment) -> (text: String, variable: String)? {
    let names = ["HTTPS_PROXY", "https_proxy"]
    guard let name = names.first(where: { environment[$0] != nil }) else { return nil }
    let excepted = environment["NO_PROXY"] ?? environment["no_proxy"] ?? ""
    return isLocal(host) || isExcepted(host, excepted) ? nil : (environment[name]!, name)
  }

  private static func isLocal(_ host: String) -> Bool {
    host == "localhost" || host.hasPrefix("127.") || host == "::1"
  }

  /// Whether a list has the host itself, a domain that it is in, or `*`.
  static func isExcepted(_ host: String, _ list: String) -> Bool {
    list.split { $0 == "," || $0.isWhitespace }.contains { entry in
      let domain = entry.drop { $0 == "." }.lowercased()
      return entry == "*" || host.lowercased() == domain || host.lowercased().hasSuffix(".\(domain)")
    }
  }

  /// Reads `http://[USER:PASSWORD@]HOST[:PORT]`.
  static func read(_ text: String) throws(WebAddressError) -> ConnectionSettings.Proxy {
    let url = try WebAddress(text, defaultPort: port)
    guard url.scheme == nil || url.scheme == "http" else {
      throw WebAddressError("it must be http://HOST:PORT; TLS with the server goes through it all the same")
    }
    var credentials: String?
    if let written = url.credentials {
      guard let decoded = Query(parsing: "a=\(written.replacing("+", with: "%2B"))")?["a"],
        decoded.contains(":")
      else { throw WebAddressError("before @ it must have USER:PASSWORD, percent-encoded") }
      credentials = decoded
    }
    return .init(host: url.address.host, port: url.address.port, credentials: credentials)
  }

  /// Without the user and the password, which are nobody's to read.
  static func shown(_ text: String) -> String {
    guard let at = text.lastIndex(of: "@") else { return text }
    let start = text.firstRange(of: "://")?.upperBound ?? text.startIndex
    return "\(text[..<start])***\(text[at...])"
  }
}

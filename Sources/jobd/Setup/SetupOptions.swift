import CJobWire
import Glibc
import JobModel
import Platform

/// What the command line of `jobd setup` asks for.
struct SetupOptions {
  /// Names that the certificate is to have besides those of this host.
  private(set) var hosts: [String] = []
  private(set) var listen: String?

  init(_ arguments: [String]) throws(ConfigurationError) {
    var reader = ArgumentReader(arguments)
    while let argument = reader.next() {
      guard case .option(let name) = argument else {
        throw ConfigurationError("unexpected argument \"\(reader.word)\"; see jobd --help")
      }
      guard ["--host", "--listen"].contains(name) else {
        throw ConfigurationError("jobd setup has no option \(name); see jobd --help")
      }
      guard let text = reader.value() else {
        throw ConfigurationError("\(name) needs a value: \(name == "--host" ? "HOST" : "HOST:PORT")")
      }
      guard name == "--host" else {
        listen = text
        continue
      }
      guard Self.isHost(text) else {
        throw ConfigurationError("--host: not a host name or IP address: '\(text)'")
      }
      hosts.append(text)
    }
  }

  /// Of the daemon's certificate: what is asked for, with the host that it listens at, and all; the first is its common
  /// name.
  func hosts(listeningAt host: String) -> (asked: [String], all: [String]) {
    let asked = hosts + [host].filter { !Self.isAny($0) && Self.isHost($0) }
    let all =
      hosts + Self.ownNames.filter(Self.isHost) + ["localhost", "127.0.0.1", "::1"] + asked
    return (asked, all.enumerated().filter { all.firstIndex(of: $1) == $0 }.map(\.element))
  }

  /// Whether it stands for all addresses of the host.
  static func isAny(_ host: String) -> Bool { ["0.0.0.0", "::"].contains(host) }

  private static func isHost(_ text: String) -> Bool {
    var error = [CChar](repeating: 0, count: Int(JW_CA_TEXT_SIZE))
    return jw_ca_check_host(text, &error)
  }

  /// This host's name, and its full name where it resolves.
  private static var ownNames: [String] {
    var buffer = [CChar](repeating: 0, count: 256)
    guard gethostname(&buffer, buffer.count - 1) == 0 else { return [] }
    let name = String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    var hints = addrinfo()
    hints.ai_flags = AI_CANONNAME
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var found: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(name, nil, &hints, &found) == 0, let found else { return [name] }
    defer { freeaddrinfo(found) }
    return [name] + (found.pointee.ai_canonname.map { [String(cString: $0)] } ?? [])
  }
}

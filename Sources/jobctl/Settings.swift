import Glibc
import JobAPI
import JobClient

/// Where jobd is and who this client is: options, then the environment, then the profile, then the defaults.
struct Settings {
  static let defaultServer = "127.0.0.1:7443"

  /// A setting, and where it comes from.
  struct Value {
    let text: String
    let origin: String
  }

  let server, authority, certificate, key, replyTimeout: Value
  let serverName: Value?
  private let invocation: Invocation

  static func client(_ invocation: Invocation) throws -> JobClient {
    JobClient(try Settings(invocation).connection())
  }

  init(_ invocation: Invocation, _ environment: Environment = Environment()) throws {
    self.invocation = invocation
    let profiles = try Profiles.load(environment.profileFile)
    let name = invocation.value("profile") ?? environment["JOBCTL_PROFILE"]
    let profile = try profiles.profile(named: name)
    func find(_ option: String, _ variable: String, _ stored: String?) -> Value? {
      if let value = invocation.value(option) { return Value(text: value, origin: "--\(option)") }
      if let value = environment[variable] { return Value(text: value, origin: variable) }
      return stored.map { Value(text: $0, origin: "profile \(name ?? profiles.current)") }
    }
    func standard(_ text: String) -> Value { Value(text: text, origin: "default") }
    let keys = environment.keyDirectory
    server = find("server", "JOBCTL_SERVER", profile.server) ?? standard(Self.defaultServer)
    authority = find("ca", "JOBCTL_CA", profile.ca) ?? standard("\(keys)/ca.crt")
    certificate = find("cert", "JOBCTL_CERT", profile.cert) ?? standard("\(keys)/client.crt")
    key = find("key", "JOBCTL_KEY", profile.key) ?? standard("\(keys)/client.key")
    serverName = find("server-name", "JOBCTL_SERVER_NAME", profile.serverName)
    replyTimeout = find("reply-timeout", "JOBCTL_REPLY_TIMEOUT", profile.replyTimeout) ?? standard("60s")
  }

  func connection() throws(UsageError) -> ConnectionSettings {
    let (host, port) = try Self.address(server.text, invocation)
    var settings = ConnectionSettings(
      host: host, port: port, authorityFile: authority.text, certificateFile: certificate.text,
      keyFile: key.text)
    settings.serverName = serverName?.text
    guard let duration = DurationText(replyTimeout.text) else {
      throw invocation.usage(
        "\(replyTimeout.origin): \"\(replyTimeout.text)\" must be \(DurationText.allowed)")
    }
    settings.replyTimeout = UInt32(clamping: duration.milliseconds)
    return settings
  }

  static func address(_ text: String, _ invocation: Invocation) throws(UsageError) -> (String, UInt16) {
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]), port > 0
    else {
      throw invocation.usage("the server \"\(text)\" must be HOST:PORT, such as \(defaultServer)")
    }
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
    guard !host.isEmpty else { throw invocation.usage("the server \"\(text)\" names no host") }
    return (String(host), port)
  }
}

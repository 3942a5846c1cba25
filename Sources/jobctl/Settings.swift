import Glibc
import JobClient
import Platform

/// One thing that can be set of the connection, named as in a profile.
enum Setting: String, CaseIterable {
  case server, ca, cert, key
  case serverName = "server_name"
  case replyTimeout = "reply_timeout"

  /// The name of its option.
  var option: String { rawValue.replacing("_", with: "-") }
  var variable: String { "JOBCTL_\(rawValue.uppercased())" }

  /// `keys`: where keys and certificates are.
  fileprivate func standard(_ keys: String) -> String? {
    switch self {
    case .server: "127.0.0.1:7443"
    case .ca: "\(keys)/ca.crt"
    case .cert: "\(keys)/client.crt"
    case .key: "\(keys)/client.key"
    case .serverName: nil
    case .replyTimeout: "60s"
    }
  }
}

/// Where jobd is and who this client is: options, then the environment, then the profile, then the defaults.
struct Settings {
  /// A setting's value, and where it comes from.
  struct Value {
    let text: String
    let origin: String
  }

  private let invocation: Invocation
  private let environment: Environment
  private let profile: [String: String]
  private let profileName: String

  static func client(_ invocation: Invocation) throws -> JobClient {
    JobClient(try Settings(invocation).connection())
  }

  init(_ invocation: Invocation, _ environment: Environment = Environment()) throws {
    (self.invocation, self.environment) = (invocation, environment)
    let profiles = try Profiles.load(environment.profileFile)
    let name = invocation.value("profile") ?? environment["JOBCTL_PROFILE"]
    profile = try profiles.profile(named: name)
    profileName = name ?? profiles.current
  }

  /// Nil: it is not set and has no default.
  subscript(setting: Setting) -> Value? {
    let (option, variable) = (setting.option, setting.variable)
    if let text = invocation.value(option) { return Value(text: text, origin: "--\(option)") }
    if let text = environment[variable] { return Value(text: text, origin: variable) }
    if let text = profile[setting.rawValue] { return Value(text: text, origin: "profile \(profileName)") }
    return setting.standard(environment.keyDirectory).map { Value(text: $0, origin: "default") }
  }

  func connection() throws(UsageError) -> ConnectionSettings {
    func text(_ setting: Setting) -> String { self[setting]!.text }
    let address = try Self.address(text(.server), invocation)
    var settings = ConnectionSettings(
      host: address.host, port: address.port, authorityFile: text(.ca), certificateFile: text(.cert),
      keyFile: text(.key))
    settings.serverName = self[.serverName]?.text
    guard let duration = DurationText(text(.replyTimeout)) else {
      throw invocation.usage(
        "\(self[.replyTimeout]!.origin): \"\(text(.replyTimeout))\" must be \(DurationText.allowed)")
    }
    settings.replyTimeout = UInt32(clamping: duration.milliseconds)
    return settings
  }

  static func address(_ text: String, _ invocation: Invocation) throws(UsageError) -> Address {
    guard let address = Address(text), address.port > 0 else {
      throw invocation.usage("the server \"\(text)\" must be HOST:PORT, such as 127.0.0.1:7443")
    }
    guard !address.host.isEmpty else { throw invocation.usage("the server \"\(text)\" names no host") }
    return address
  }
}

extension Environment {
  var keyDirectory: String { "\(jobd())/pki" }
  var profileFile: String { self["JOBCTL_CONFIG"] ?? "\(settings)/jobctl/config.json" }
}

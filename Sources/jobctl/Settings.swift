import Glibc
import JobClient
import Platform

/// One thing that can be set of the connection, named as its option.
enum Setting: String, CaseIterable {
  case server, ca, cert, key
  case serverName = "server-name"
  case replyTimeout = "reply-timeout"

  /// Its name in a profile.
  var key: String { rawValue.replacing("-", with: "_") }
  var variable: String { "JOBCTL_\(key.uppercased())" }

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

  private var values: [Setting: Value] = [:]
  private let invocation: Invocation

  static func client(_ invocation: Invocation) throws -> JobClient {
    JobClient(try Settings(invocation).connection())
  }

  init(_ invocation: Invocation, _ environment: Environment = Environment()) throws {
    self.invocation = invocation
    let profiles = try Profiles.load(environment.profileFile)
    let name = invocation.value("profile") ?? environment["JOBCTL_PROFILE"]
    let profile = try profiles.profile(named: name)
    for setting in Setting.allCases {
      let found = [
        (invocation.value(setting.rawValue), "--\(setting.rawValue)"),
        (environment[setting.variable], setting.variable),
        (profile[setting.key], "profile \(name ?? profiles.current)"),
        (setting.standard(environment.keyDirectory), "default"),
      ].first { $0.0 != nil }
      values[setting] = found.map { Value(text: $0.0!, origin: $0.1) }
    }
  }

  /// Nil: the setting has no default.
  subscript(setting: Setting) -> Value? { values[setting] }

  func connection() throws(UsageError) -> ConnectionSettings {
    func text(_ setting: Setting) -> String { values[setting]!.text }
    let address = try Self.address(text(.server), invocation)
    var settings = ConnectionSettings(
      host: address.host, port: address.port, authorityFile: text(.ca), certificateFile: text(.cert),
      keyFile: text(.key))
    settings.serverName = values[.serverName]?.text
    guard let duration = DurationText(text(.replyTimeout)) else {
      throw invocation.usage(
        "\(values[.replyTimeout]!.origin): \"\(text(.replyTimeout))\" must be \(DurationText.allowed)")
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

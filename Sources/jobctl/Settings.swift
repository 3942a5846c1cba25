import Glibc
import JobClient
import Platform

/// One thing that can be set of the connection, or of all jobs, named as its option.
enum Setting: String, CaseIterable {
  case server, ca, cert, key, proxy
  case serverName = "server-name"
  case replyTimeout = "reply-timeout"
  case sessions, runner

  /// Where the daemon listens when nothing else is said, too.
  static let standardHost = "127.0.0.1"

  /// `keys`: where keys and certificates are.
  fileprivate func standard(_ keys: String) -> String? {
    switch self {
    case .server: "\(Self.standardHost):\(Settings.standardPort)"
    case .ca: "\(keys)/ca.crt"
    case .cert: "\(keys)/client.crt"
    case .key: "\(keys)/client.key"
    case .serverName, .proxy, .runner: nil
    case .replyTimeout: "60s"
    case .sessions: "keep"
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
    try Settings(invocation).client()
  }

  func client() throws -> JobClient {
    let client = JobClient(try connection())
    client.traceparent = environment[Traceparent.variable].flatMap { Traceparent($0) }
    return client
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
    let option = invocation.spelling(of: setting)
    if let text = invocation.value(option) { return Value(text: text, origin: "--\(option)") }
    let name = setting.rawValue.underscored
    let variable = "JOBCTL_\(name.uppercased())"
    if let text = environment[variable] { return Value(text: text, origin: variable) }
    if let text = profile[name] { return Value(text: text, origin: "profile \(profileName)") }
    if setting == .proxy { return standardProxy }
    return setting.standard(environment.keyDirectory).map { Value(text: $0, origin: "default") }
  }

  private var standardProxy: Value? {
    guard let server = try? Self.address(self[.server]!.text, invocation) else { return nil }
    return ProxyChoice.standard(for: server.host, environment).map {
      Value(text: $0.text, origin: $0.variable)
    }
  }

  /// Asks the terminal for the passphrase of the key, once, where it has one.
  func connection() throws -> ConnectionSettings {
    var settings = try parsed()
    let key = settings.keyFile
    settings.passphrase = try Self.passphrases.withLock { known in
      do {
        if known[key] == nil { known[key] = try KeyPassphrase.of(key, .terminal) }
        return known[key]
      } catch let error as CertificateError {
        throw ClientError.files(error.description)
      }
    }
    return settings
  }

  private static let passphrases = Mutex<[String: Passphrase]>([:])

  func parsed() throws(UsageError) -> ConnectionSettings {
    func text(_ setting: Setting) -> String { self[setting]!.text }
    let address = try Self.address(text(.server), invocation)
    var settings = ConnectionSettings(
      host: address.host, port: address.port, authorityFile: text(.ca), certificateFile: text(.cert),
      keyFile: text(.key))
    if let proxy = self[.proxy] {
      do {
        settings.proxy = try ProxyChoice.read(proxy.text)
      } catch {
        throw invocation.usage("the proxy \"\(ProxyChoice.shown(proxy.text))\" of \(proxy.origin): \(error)")
      }
    }
    settings.serverName = self[.serverName]?.text
    guard let duration = DurationText(text(.replyTimeout)) else {
      throw invocation.usage(
        "\(self[.replyTimeout]!.origin): \"\(text(.replyTimeout))\" must be \(DurationText.allowed)")
    }
    settings.replyTimeout = UInt32(clamping: duration.milliseconds)
    switch text(.sessions) {
    case "keep": settings.sessionDirectory = environment.directory("XDG_RUNTIME_DIR")
    case "off": break
    default:
      throw invocation.usage("\(self[.sessions]!.origin): \"\(text(.sessions))\" must be keep or off")
    }
    return settings
  }

  static func address(_ text: String, _ invocation: Invocation) throws(UsageError) -> Address {
    do {
      let url = try WebAddress(text, defaultPort: standardPort)
      guard url.scheme == nil || url.scheme == "https" else {
        throw WebAddressError("jobd is reached by https, not by \(url.scheme!)")
      }
      guard url.credentials == nil else {
        throw WebAddressError("jobd knows its clients by certificates, not by a user's name")
      }
      return url.address
    } catch {
      throw invocation.usage("the server \"\(text)\": \(error)")
    }
  }

  fileprivate static let standardPort: UInt16 = 7443
}

extension Environment {
  var keyDirectory: String { "\(jobd())/pki" }
  var profileFile: String { self["JOBCTL_CONFIG"] ?? "\(settings)/jobctl/config.json" }
}

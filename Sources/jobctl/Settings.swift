import Glibc
import JobAPI
import JobClient

/// Where jobd is and who this client is: flags, then the environment, then the profile, then the defaults.
enum Settings {
  static let defaultServer = "127.0.0.1:7443"

  static func client(_ invocation: Invocation) throws -> JobClient {
    JobClient(try resolve(invocation))
  }

  static func resolve(_ invocation: Invocation) throws -> ConnectionSettings {
    let environment = Environment()
    let profile = try Profiles.load().profile(
      named: invocation.value("profile") ?? environment["JOBCTL_PROFILE"])
    func value(_ option: String, _ variable: String, _ stored: String?, _ standard: String) -> String {
      invocation.value(option) ?? environment[variable] ?? stored ?? standard
    }
    let keys = environment.keyDirectory
    let (host, port) = try address(
      value("server", "JOBCTL_SERVER", profile.server, defaultServer), invocation)
    var settings = ConnectionSettings(
      host: host, port: port, authorityFile: value("ca", "JOBCTL_CA", profile.ca, "\(keys)/ca.crt"),
      certificateFile: value("cert", "JOBCTL_CERT", profile.cert, "\(keys)/client.crt"),
      keyFile: value("key", "JOBCTL_KEY", profile.key, "\(keys)/client.key"))
    settings.serverName =
      invocation.value("server-name") ?? environment["JOBCTL_SERVER_NAME"] ?? profile.serverName
    let timeout = value("reply-timeout", "JOBCTL_REPLY_TIMEOUT", profile.replyTimeout, "60s")
    guard let duration = DurationText(timeout) else {
      throw invocation.usage("--reply-timeout \(timeout) must be \(DurationText.allowed)")
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

/// The process's environment; an empty variable is as if it were not set.
struct Environment {
  subscript(name: String) -> String? {
    guard let value = getenv(name) else { return nil }
    let text = String(cString: value)
    return text.isEmpty ? nil : text
  }

  private var home: String { self["HOME"] ?? "/" }
  private var configHome: String {
    if let directory = self["XDG_CONFIG_HOME"], directory.hasPrefix("/") { return directory }
    return "\(home)/.config"
  }

  /// Where jobd looks for keys and certificates too.
  var keyDirectory: String { geteuid() == 0 ? "/etc/jobd/pki" : "\(configHome)/jobd/pki" }
  var profileFile: String { self["JOBCTL_CONFIG"] ?? "\(configHome)/jobctl/config.json" }
}

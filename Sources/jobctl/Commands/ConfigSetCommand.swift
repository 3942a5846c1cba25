import JobClient
import Platform

extension Command {
  static let configSet = Command(
    name: "config set", summary: "Keeps the given settings in a profile.",
    options: [JobOptions.runner],
    details:
      "The profile is that of --profile, else the current one; settings that are not given stay as they are.",
    examples: [
      (
        "jobctl config set --server jobs.example.org:7443 --cert ~/alice.crt --key ~/alice.key --ca ~/ca.crt",
        "keeps them, so that a script need name nothing"
      ), ("jobctl config set --profile test --server 127.0.0.1:7444", "another profile"),
    ]
  ) { invocation in
    let given = Setting.allCases.filter { invocation.has($0.rawValue) }
    guard !given.isEmpty else {
      throw invocation.usage(
        "name what to keep: \(Setting.allCases.map { "--\($0.rawValue)" }.alternatives)")
    }
    return try Profiles.change { profiles in
      let name = invocation.value("profile") ?? profiles.current
      for setting in given {
        profiles.profiles[name, default: [:]][setting.rawValue.underscored] = try kept(setting, invocation)
      }
    }
  }

  private static func checkProxy(_ text: String, _ invocation: Invocation) throws(UsageError) {
    let proxy: ConnectionSettings.Proxy
    do { proxy = try ProxyChoice.read(text) } catch {
      throw invocation.usage("--proxy is \"\(ProxyChoice.shown(text))\": \(error)")
    }
    guard proxy.credentials == nil else {
      throw invocation.usage("--proxy: a profile keeps no password; put it into JOBCTL_PROXY")
    }
  }

  private static func kept(_ setting: Setting, _ invocation: Invocation) throws(UsageError) -> String {
    let text = invocation.value(setting.rawValue)!
    switch setting {
    case .server: _ = try Settings.address(text, invocation)
    // A profile is used from any directory.
    case .ca, .cert, .key: return Path.absolute(text)
    case .replyTimeout: return invocation.duration(setting.rawValue)!.description
    case .proxy: try checkProxy(text, invocation)
    case .runner:
      guard CreateRequest.isRunnerName(text) else {
        throw invocation.usage("--runner must be \(CreateRequest.allowed("runner"))")
      }
    case .serverName, .sessions: break
    }
    return text
  }
}

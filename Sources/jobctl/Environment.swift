import Glibc

/// The process's environment; an empty variable is as if it were not set.
struct Environment {
  private let lookup: (String) -> String?

  init() {
    lookup = { name in getenv(name).map { String(cString: $0) } }
  }

  init(_ variables: [String: String]) {
    lookup = { variables[$0] }
  }

  subscript(name: String) -> String? {
    guard let value = lookup(name), !value.isEmpty else { return nil }
    return value
  }

  private var configHome: String {
    if let directory = self["XDG_CONFIG_HOME"], directory.hasPrefix("/") { return directory }
    return "\(self["HOME"] ?? "")/.config"
  }

  /// Where jobd looks for keys and certificates too.
  var keyDirectory: String { geteuid() == 0 ? "/etc/jobd/pki" : "\(configHome)/jobd/pki" }
  var profileFile: String { self["JOBCTL_CONFIG"] ?? "\(configHome)/jobctl/config.json" }
}

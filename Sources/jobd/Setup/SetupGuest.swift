import Glibc
import JobModel
import Platform

/// A client for who typed sudo, whose jobs run as that user: a certificate by which they ran as root would be root's rights
/// without a password. Whatever is amiss in that user's home is no reason not to go on.
struct SetupGuest {
  /// Whether the client is to be made.
  let isNew: Bool
  private let home: ClientHome
  private let certificates: SetupCertificates
  private let isEntered: Bool

  /// To be entered in the map of clients.
  var entry: String? { isNew && !isEntered ? home.account.name : nil }

  /// Nil: nobody typed sudo, or nothing is to be done, and it is said why.
  init?(_ certificates: SetupCertificates, _ loader: ConfigurationLoader) {
    guard let user = Borrowed.sudoUser else { return nil }
    do {
      home = ClientHome(user, authority: try certificates.authority())
      self.certificates = certificates
      let state = try home.look()
      (isNew, isEntered) = (state == .missing, loader.configuration.settings(of: user.name).users != nil)
      switch state {
      case .ready: Setup.tell("kept", "\(home.directory): the client's certificate of \(user.name)")
      case .other:
        Self.note("\(home.directory) is not of this authority: move it away, and type jobd setup again")
        return nil
      case .missing:
        guard certificates.hasKey else { return nil }
        guard isEntered || loader.sources["clients"] == nil else {
          Self.note(
            "no client for \(user.name), whose jobs would run as root: clients in \(loader.sources["clients"]!) needs "
              + "\"\(user.name)\": { users: [\"\(user.name)\"] }; then jobd reload and jobd setup")
          return nil
        }
      }
    } catch {
      Self.note("no client for \(user.name): \(error)")
      return nil
    }
  }

  /// The daemon has the map of clients.
  func make(_ server: Address, _ configuration: Configuration) {
    let name = home.account.name
    do {
      if isNew {
        guard let users = configuration.settings(of: name).users else {
          return Self.note("no client for \(name), whose jobs would run as root")
        }
        try home.make { try certificates.issue(name) }
        Setup.tell(
          "made",
          "\(home.directory)/client.crt: for the client \(name), whose jobs run as \(users.joined(separator: " or "))"
        )
      }
      try certificates.jobctl.use(server, as: home.account)
    } catch {
      Self.note("\(name) cannot use jobctl as it is: \(error)")
    }
  }

  private static func note(_ text: String) { Setup.tell("note", text) }
}

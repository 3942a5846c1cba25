import Glibc
import JobModel
import JobSupervisor
import Platform

/// The daemon on a state directory, as a service of systemd: the system's, or this user's.
struct Service {
  let stateDirectory: String
  private let systemctl = ["systemctl"] + (geteuid() == 0 ? [] : ["--user"])

  init(stateDirectory: String) { self.stateDirectory = stateDirectory }

  /// Seconds. systemctl waits for the daemon, which is ready a moment before the control socket says so.
  private static let patience = 60

  /// Whether systemd listens for it, and the configuration does not say where.
  var hasSocket: Bool { (try? show("jobd.socket", "ActiveState")) == "active" }

  /// What would keep it from starting, or from listening where it is to.
  func check(_ wanted: ConfigurationLoader, _ file: SetupFile) throws {
    if geteuid() == 0 { try checkUsers(wanted.configuration) }
    guard !hasSocket else {
      guard wanted.sources["listen"] != "flag" else {
        throw DaemonError("systemd listens for jobd: \"systemctl edit jobd.socket\" sets where, not --listen")
      }
      return
    }
    guard !isServing || isElsewhere(wanted) else { return }
    do throws(DaemonError) {
      try Supervisor.checkListening(wanted.configuration, isServing: isServing)
    } catch {
      let isFree = ["flag", nil].contains(wanted.sources["listen"])
      throw DaemonError(
        "\(error); another address: \(isFree ? "jobd setup --listen HOST:PORT" : "listen in \(file.path)")")
    }
  }

  /// Whose daemon the unit is, and that its api process has a user.
  private func checkUsers(_ configuration: Configuration) throws {
    let user = try show("jobd.service", "User")
    guard ["", "root", "0"].contains(user) else {
      throw DaemonError(
        "jobd.service runs as \(user), who has files of their own: sudo -u \(user) jobd setup")
    }
    guard configuration.user == "nobody", try show("jobd.service", "LoadState") == "loaded" else { return }
    throw DaemonError("there is no user for the api process: systemd-sysusers jobd.conf makes it")
  }

  enum Outcome: Equatable {
    /// `at`: as this host's clients reach it.
    case serves(at: Address, isService: Bool)
    /// There is no systemd, or no unit.
    case none
  }

  /// Enabled, and started, where systemd is there. One that was started otherwise stays as it is. One that runs takes the
  /// configuration: where it listens, and the map of clients where there is a new one.
  func start(_ wanted: ConfigurationLoader, _ file: SetupFile, hasNewClient: Bool) throws -> Outcome {
    let wasServing = isServing
    if wasServing, !hasSocket, isElsewhere(wanted) {
      try take(.upgrade, wanted, file)
    } else if wasServing, hasNewClient {
      try take(.reload, wanted, file)
    }
    let state = try show("jobd.service", "LoadState")
    guard state != "masked" else { throw DaemonError("jobd.service is masked: \(command("unmask jobd"))") }
    let isService =
      try state == "loaded" && (!wasServing || show("jobd.service", "ActiveState") == "active")
    guard isService || wasServing else { return .none }
    if isService { try enable() }
    for _ in 0..<Self.patience * 10 where !isServing { usleep(100_000) }
    guard let address else {
      throw DaemonError("\(command("enable --now jobd")) has started no jobd that serves: \(journal)")
    }
    Setup.tell(
      "runs",
      "jobd at \(address)\(isService ? ", and with each start of \(geteuid() == 0 ? "the host" : "your session")" : "")"
    )
    return .serves(at: address.onThisHost, isService: isService)
  }

  private func enable() throws {
    let done = try Tool.run(systemctl + ["enable", "--now", "jobd.service"])
    guard done.status == 0 else {
      throw DaemonError("\(command("enable --now jobd")) failed: \(journal)\n\(done.text)")
    }
  }

  /// Jobs that run go on. What is refused is taken out of the configuration again; a daemon that did take it, and could not
  /// say so, listens there.
  private func take(_ request: ControlRequest, _ wanted: ConfigurationLoader, _ file: SetupFile) throws {
    let failure: String
    do {
      guard case .failed(let text) = try ControlClient.ask(request, stateDirectory) else { return }
      failure = text
    } catch {
      guard request == .reload || isElsewhere(wanted) else { return }
      failure = "\(error)"
    }
    try file.restore()
    throw DaemonError("the daemon, which goes on as before, does not take the configuration: \(failure)")
  }

  private var isServing: Bool { address != nil }

  /// Whether it listens elsewhere than it is told to. Port 0 stands for any.
  private func isElsewhere(_ wanted: ConfigurationLoader) -> Bool {
    guard let address, wanted.sources["listen"] != nil else { return false }
    let listen = wanted.configuration.listen
    return address.host != listen.host || ![0, address.port].contains(listen.port)
  }

  private var address: Address? {
    guard case .done(let text)? = try? ControlClient.ask(.status, stateDirectory) else { return nil }
    let line = text.split(separator: "\n").first { $0.hasPrefix("address: ") }
    return line.flatMap { Address(String($0.dropFirst("address: ".count))) }
  }

  /// Empty where no systemd answers.
  private func show(_ unit: String, _ property: String) throws -> String {
    do {
      let done = try Tool.run(systemctl + ["show", "-p", property, unit])
      let line = done.text.split(separator: "\n").first { $0.hasPrefix("\(property)=") }
      return done.status == 0 ? line.map { String($0.dropFirst(property.count + 1)) } ?? "" : ""
    } catch {
      guard error.code == ENOENT else { throw error }
      return ""
    }
  }

  private func command(_ words: String) -> String { "\(systemctl.joined(separator: " ")) \(words)" }

  private var journal: String {
    "\"journalctl \(systemctl.dropFirst().map { "\($0) " }.joined())-u jobd -n 20\" says why"
  }
}

extension Address {
  /// As clients on the same host name it.
  var onThisHost: Address { SetupOptions.isAny(host) ? Address(host: "127.0.0.1", port: port) : self }
}

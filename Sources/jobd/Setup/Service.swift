import Glibc
import JobModel
import JobSupervisor
import Platform

/// The daemon on a state directory, as a service of systemd: the system's, or this user's.
struct Service {
  let stateDirectory: String
  private let systemctl = ["systemctl"] + (geteuid() == 0 ? [] : ["--user"])

  /// Seconds. systemctl waits for the daemon, which is ready a moment before the control socket says so.
  private static let patience = 60

  var isServing: Bool { address != nil }

  /// That the daemon can listen where it is to. Systemd's own socket takes the place of that.
  func check(_ file: SetupFile, _ wanted: Configuration) throws {
    let isServing = isServing
    guard !isServing || file.isMoved, try !show("jobd.socket", "ActiveState").contains("=active") else {
      return
    }
    do throws(DaemonError) {
      try Supervisor.checkListening(wanted, isServing: isServing)
    } catch {
      throw DaemonError("\(error); another address: jobd setup --listen HOST:PORT")
    }
  }

  enum Outcome: Equatable {
    /// `at`: as this host's clients reach it.
    case serves(at: Address, isService: Bool)
    /// There is no systemd, or no unit.
    case none
  }

  /// Enabled, and started, where systemd is there. One that was started otherwise stays as it is.
  func start(_ file: SetupFile) throws -> Outcome {
    let wasServing = isServing
    if wasServing, file.isMoved { try upgrade(file) }
    let isService =
      try show("jobd.service", "LoadState") == "LoadState=loaded"
      && (!wasServing || show("jobd.service", "ActiveState") == "ActiveState=active")
    guard isService || wasServing else { return .none }
    if isService { try enable() }
    for _ in 0..<Self.patience * 10 where !isServing { usleep(100_000) }
    guard let text = address, let address = Address(text) else {
      throw DaemonError("\(command("enable --now jobd")) has started no jobd that serves: \(journal)")
    }
    Setup.tell(
      "runs",
      "jobd at \(text)\(isService ? ", and with each start of \(geteuid() == 0 ? "the host" : "your session")" : "")"
    )
    return .serves(at: address.onThisHost, isService: isService)
  }

  private func enable() throws {
    let done = try Tool.run(systemctl + ["enable", "--now", "jobd.service"])
    guard done.status == 0 else {
      throw DaemonError("\(command("enable --now jobd")) failed: \(journal)\n\(done.text)")
    }
  }

  /// Jobs that run go on. What is refused is taken out of the configuration again.
  private func upgrade(_ file: SetupFile) throws {
    guard case .failed(let text) = try ControlClient.ask(.upgrade, stateDirectory) else { return }
    try file.restore()
    throw DaemonError("the daemon, which goes on as before, does not listen there: \(text)")
  }

  private var address: String? {
    guard case .done(let text)? = try? ControlClient.ask(.status, stateDirectory) else { return nil }
    let line = text.split(separator: "\n").first { $0.hasPrefix("address: ") }
    return line.map { String($0.dropFirst("address: ".count)) }
  }

  /// Empty where no systemd answers.
  private func show(_ unit: String, _ property: String) throws -> String {
    do {
      let done = try Tool.run(systemctl + ["show", "-p", property, unit])
      return done.status == 0 ? done.text : ""
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

import Glibc
import JobAPI
import JobModel
import JobService
import JobSupervisor
import Platform

/// The command `jobd`: chooses the role the arguments ask for.
enum Daemon {
  /// The version of the daemon and its tools.
  static let version = Version.text

  /// Runs `jobd` with the arguments after its name; the exit status.
  static func main(_ arguments: [String]) -> Int32 {
    StandardDescriptors.fill()
    do {
      switch arguments.first {
      case "--help", "-h", "help": print(help)
      case "--version", "version": print("jobd \(version)")
      case "check-config": print(try loader(Array(arguments.dropFirst())).report, terminator: "")
      case "manual": print(try manual(Array(arguments.dropFirst())), terminator: "")
      case "api": try runApi(arguments)
      case "check-handover": try checkHandover(arguments)
      case "resume": try resume(arguments)
      default: try runSupervisor(arguments, service: ServiceEnvironment.take())
      }
      return 0
    } catch let error as ConfigurationError {
      return fail("\(error)", status: 2)
    } catch {
      return fail("\(error)", status: 1)
    }
  }

  private static func fail(_ message: String, status: Int32) -> Int32 {
    let line = Array("jobd: \(message)\n".utf8)
    _ = write(STDERR_FILENO, line, line.count)
    return status
  }

  private static func loader(_ arguments: [String]) throws(ConfigurationError) -> ConfigurationLoader {
    try ConfigurationLoader(arguments: arguments, environment: Environment.all)
  }

  private static func manual(_ arguments: [String]) throws(ConfigurationError) -> String {
    guard arguments.count == 1, let page = Manual(rawValue: arguments[0]) else {
      let pages = Manual.allCases.map(\.rawValue).joined(separator: " or ")
      throw ConfigurationError("jobd manual needs the name of a page: \(pages)")
    }
    return page.page
  }

  private static func runSupervisor(
    _ arguments: [String], service: ServiceEnvironment, handed: Handover? = nil
  ) throws {
    let configuration = try loader(arguments).configuration
    let log = Log(level: configuration.logLevel)
    signal(SIGPIPE, SIG_IGN)
    let limit = Limits.raiseDescriptors()
    if handed == nil { Limits.closeInheritedOnExec() }
    log.info("starting", ["version": version, "pid": "\(getpid())", "state": configuration.stateDirectory])
    let supervisor = try Supervisor(
      configuration, log: log, jobDescriptors: limit, arguments: arguments, service: service, handed: handed)
    try supervisor.run()
  }

  /// `jobd check-handover ...` is what an upgrade tries first: whatever could keep the successor from starting is
  /// to be found out before there is no way back.
  private static func checkHandover(_ arguments: [String]) throws {
    _ = try Handover.read(3)
    let configuration = try loader(Array(arguments.dropFirst())).configuration
    _ = try configuration.apiAccount()
    _ = try ServerTLS.load(configuration)
  }

  /// `jobd resume N ...` is what an upgrade starts, with the handover in descriptor N.
  private static func resume(_ arguments: [String]) throws {
    guard arguments.count >= 2, let descriptor = Int32(arguments[1]), descriptor > 2 else {
      throw ConfigurationError("\"jobd resume\" is started by jobd itself; see jobd --help")
    }
    let handed = try Handover.read(descriptor)
    try runSupervisor(
      Array(arguments.dropFirst(2)), service: ServiceEnvironment(notifySocket: handed.notifySocket),
      handed: handed)
  }

  /// `jobd api N` is what the supervisor starts; there is nothing to be had by starting it by hand.
  private static func runApi(_ arguments: [String]) throws {
    guard arguments.count == 2, let listeners = Int(arguments[1]), fcntl(3, F_GETFD) >= 0 else {
      throw ConfigurationError("\"jobd api\" is started by jobd itself; see jobd --help")
    }
    try ApiProcess(listeners: listeners).run()
  }

  private static var help: String {
    """
    jobd runs commands for remote clients over HTTPS with client certificates.

    Usage: jobd [OPTION...]
           jobd check-config [OPTION...]   print the effective configuration and where it is from
           jobd manual PAGE                print a manual page: jobd.8 or jobd.json5.5
           jobd --version | --help

    Each option can be given as a flag, as an environment variable (--state-directory is JOBD_STATE_DIRECTORY) and
    in jobd.json5 (state_directory); flags win over the environment, and that over the file.

    \(ConfigurationLoader.help)
    Signals: TERM and INT stop in order, a second one at once; HUP loads certificates anew; USR2 replaces the
    running daemon by the binary that is in its file now, while its jobs go on.
    Examples:
      jobd                                      serve on 127.0.0.1:7443
      jobd --listen 0.0.0.0:7443 --log-level debug
      jobd check-config --config ./jobd.json5
    """
  }
}

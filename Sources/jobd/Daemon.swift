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

  /// Runs `jobd`; the exit status.
  static func main() -> Int32 {
    StandardDescriptors.fill()
    do {
      let arguments = try Arguments.all()
      switch arguments.first {
      case "--help", "-h", "help": print(help)
      case _ where ["--help", "-h"].contains(arguments.last): print(help)
      case "--version", "version":
        try refuseMore(arguments)
        print("jobd \(version)")
      case "setup": try Setup.run(Array(arguments.dropFirst()))
      case "check-config": try checkConfiguration(Array(arguments.dropFirst()))
      case "manual": print(try manual(Array(arguments.dropFirst())), terminator: "")
      case "upgrade", "reload", "status": return try control(arguments)
      case "cleanup": try Cleanup.run(try loader(Array(arguments.dropFirst())).configuration)
      case "supervisor": try runSupervisor(Array(arguments.dropFirst()))
      case "check-upgrade": try checkUpgrade(Array(arguments.dropFirst()))
      case "api": try runApi(arguments)
      default: try becomeKeeper(arguments)
      }
      return 0
    } catch let error as Arguments.NotText {
      return fail("\(error)", status: 2)
    } catch let error as ConfigurationError {
      return fail("\(error)", status: 2)
    } catch {
      return fail("\(error)", status: 1)
    }
  }

  private static let commands = ["setup", "status", "reload", "upgrade", "cleanup", "check-config", "manual"]

  private static func refuseMore(_ arguments: [String]) throws(ConfigurationError) {
    guard arguments.count > 1 else { return }
    throw ConfigurationError("unexpected argument \"\(arguments[1])\"; see jobd --help")
  }

  private static func fail(_ message: String, status: Int32) -> Int32 {
    let isJournal = Log.isJournal(STDERR_FILENO, Environment.all)
    let line = Array("\(isJournal ? LogLevel.error.journalPrefix : "")jobd: \(message)\n".utf8)
    _ = write(STDERR_FILENO, line, line.count)
    return status
  }

  private static func loader(_ arguments: [String]) throws(ConfigurationError) -> ConfigurationLoader {
    try ConfigurationLoader(arguments: arguments, environment: Environment.all)
  }

  /// All that would keep a daemon from starting with it, as far as it can be known without doing so.
  private static func checkConfiguration(_ arguments: [String]) throws {
    var arguments = arguments
    if let client = try takeClient(&arguments) {
      return print(try loader(arguments).report(of: client), terminator: "")
    }
    let loader = try loader(arguments)
    print(loader.report, terminator: "")
    for line in HostLimits.describe(loader.configuration) { print("# \(line)") }
    try Supervisor.check(loader.configuration)
    _ = try ServerTLS.load(loader.configuration)
  }

  /// The value of `--client`, which is no option of the daemon; nil: it is not there.
  private static func takeClient(_ arguments: inout [String]) throws(ConfigurationError) -> String? {
    guard let index = arguments.firstIndex(where: { $0.halves(at: "=").0 == "--client" }) else { return nil }
    var name = arguments.remove(at: index).halves(at: "=").1
    if name == nil, index < arguments.count { name = arguments.remove(at: index) }
    guard let name, !name.isEmpty else {
      throw ConfigurationError("--client needs a value: the name of a client")
    }
    return name
  }

  private static func manual(_ arguments: [String]) throws(ConfigurationError) -> String {
    guard arguments.count == 1, let page = Manual(rawValue: arguments[0]) else {
      let pages = Manual.allCases.map(\.rawValue).joined(separator: " or ")
      throw ConfigurationError("jobd manual needs the name of a page: \(pages)")
    }
    return page.page
  }

  /// Asks the daemon that runs; the exit status.
  private static func control(_ arguments: [String]) throws -> Int32 {
    let request = ControlRequest(rawValue: arguments[0])!
    switch try ControlClient.ask(request, try stateDirectory(Array(arguments.dropFirst()))) {
    case .done(let text): print(text)
    // How it is was asked for, and is told.
    case .failed(let text) where request == .status:
      print(text)
      return 1
    case .failed(let text): throw DaemonError(text)
    }
    return 0
  }

  /// A configuration that cannot be used is no reason not to ask the daemon that runs, where it can be found.
  private static func stateDirectory(_ arguments: [String]) throws -> String {
    do {
      return try loader(arguments).configuration.stateDirectory
    } catch {
      let standard = Configuration(ConfigurationPlace(environment: Environment.all)).stateDirectory
      guard arguments.isEmpty, ControlClient.canConnect(standard) else { throw error }
      return standard
    }
  }

  /// The keeper takes this process's place and starts the supervisor. Only a configuration that cannot be used is found
  /// out before, and that nobody has made a certificate yet.
  private static func becomeKeeper(_ arguments: [String]) throws {
    if let word = arguments.first, !word.hasPrefix("-") {
      let near = NearName.find(word, among: commands, most: 3).map { ", did you mean \($0)?" } ?? ""
      throw ConfigurationError("there is no command \"\(word)\"\(near); see jobd --help")
    }
    let loader = try loader(arguments)
    try loader.checkCertificate()
    try Supervisor.checkApiUser(loader.configuration, nil)
    let (program, keeper) = (try ProgramFile.path(), try ProgramFile.keeper())
    Limits.closeInheritedOnExec()
    throw SystemError(
      ChildProcess.exec(keeper, ["jobd-keeper", program] + arguments),
      "start \(keeper), which belongs beside jobd")
  }

  /// `jobd supervisor ...` is what the keeper starts; there is nothing to be had by starting it by hand.
  private static func runSupervisor(_ arguments: [String]) throws {
    SystemThread.nameCaller("jobd")
    let configuration = try loader(arguments).configuration
    let log = Log(level: configuration.logLevel)
    signal(SIGPIPE, SIG_IGN)
    Inherited.reset()
    Limits.raiseOomScore(to: -900)
    try Supervisor(configuration, log: log, arguments: arguments).run()
  }

  /// `jobd check-upgrade ...` is what an upgrade tries first: whatever could keep the successor from starting is
  /// to be found out while the predecessor is there.
  private static func checkUpgrade(_ arguments: [String]) throws {
    let configuration = try loader(arguments).configuration
    try Supervisor.check(configuration)
    _ = try ServerTLS.load(configuration)
    try UpgradeCheck.run(entry: 3, keeper: try ProgramFile.keeper())
  }

  /// `jobd api N` is what the supervisor starts; there is nothing to be had by starting it by hand.
  private static func runApi(_ arguments: [String]) throws {
    guard arguments.count == 2, let listeners = Int(arguments[1]), fcntl(3, F_GETFD) >= 0 else {
      throw ConfigurationError("\"jobd api\" is started by jobd itself; see jobd --help")
    }
    SystemThread.nameCaller("jobd")
    Limits.raiseOomScore(to: -500)
    try ApiProcess(listeners: listeners).run()
  }

  private static var help: String {
    """
    jobd runs commands for remote clients over HTTPS with client certificates.

    Usage: jobd [OPTION...]
           jobd setup [--host HOST]... [--listen HOST:PORT]
                                           make what a first job needs: authority, certificates for this host's names
                                           (more by --host) and for you, configuration; enable and start the service
           jobd status [OPTION...]         say how the daemon on this state directory is
           jobd reload [OPTION...]         have it load its certificates and its map of clients anew, and wait for that
           jobd upgrade [OPTION...]        have it replaced by the binary that is in its file now, and wait for that
           jobd cleanup [OPTION...]        after it was killed: end what is left of it, and remove its cgroups
           jobd check-config [OPTION...]   print the effective configuration and where it is from;
                                           with --client NAME what holds for that client
           jobd manual PAGE                print a manual page: jobd.8 or jobd.json5.5
           jobd --version | --help

    Each option can be given as a flag, as an environment variable (--state-directory is JOBD_STATE_DIRECTORY) and
    in jobd.json5 (state_directory); flags win over the environment, and that over the file, which is
    /etc/jobd/jobd.json5 of root, ~/.config/jobd/jobd.json5 of others, or that of --config FILE (JOBD_CONFIG). Only
    there are the maps clients, settings of some clients, and runners; see jobd.json5(5).

    \(ConfigurationLoader.help)
    Signals, to the process that was started: TERM and INT stop it in order, which ends all jobs, and a second one at
    once; HUP is a reload, USR2 an upgrade. Running jobs go on over a reload and an upgrade, and when a process of the
    daemon's own dies, but not over a stop.
    Examples:
      jobd setup                                a daemon, and its first client
      jobd                                      serve on 127.0.0.1:7443
      jobd --listen 0.0.0.0:7443 --log-level debug
      jobd check-config --config ./jobd.json5
    """
  }
}

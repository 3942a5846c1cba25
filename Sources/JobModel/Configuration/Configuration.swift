import Glibc
import Platform

/// All that can be set of the daemon, with its defaults. Built once, passed down; also what the api process is told.
/// What each means is said in ``ConfigurationOption/all``. Sizes are in bytes, times in milliseconds.
package struct Configuration: Sendable, Codable, Equatable {
  package var listenHost = "127.0.0.1"
  package var listenPort: UInt16 = 7443
  package var stateDirectory: String
  package var certificateFile: String
  package var keyFile: String
  package var clientCAFile: String
  package var crlFile: String?
  package var secretsKeyFile: String
  package var identity = Identity.commonName
  /// Nil: the api process stays the user that started the daemon.
  package var user: String?
  package var logLevel = LogLevel.info
  /// A path or ``journal``; nil: there is no audit trail.
  package var auditFile: String?
  package static let journal = "journal"
  package var auditRequired = true

  package var workers: Int
  package var launchers: Int
  package var cgroup = true
  package var cgroupParent: String?

  package var drainTime = 30_000
  package var watchdogTime = 30_000

  package var maxHead = 32 << 10
  package var maxBody = 4 << 20
  package var maxConnections = 20_000
  package var maxHandshakes = 10_000
  package var maxMemory = 1 << 30
  package var maxRunningJobs = 20_000
  package var maxQueuedJobs = 2_000_000
  package var handshakeTimeout = 10_000
  package var headTimeout = 10_000
  package var bodyTimeout = 30_000
  package var idleTimeout = 300_000
  package var writeTimeout = 120_000
  package var sessionCache = 20_000

  /// What holds for each client, but for those of which ``clients`` says otherwise.
  package var client = ClientSettings()
  package var clients = ClientMap()
  package var runners = RunnerMap()

  package var retentionAge = 7 * 86_400_000
  package var retentionTotalBytes = 50 << 30

  package init(_ place: ConfigurationPlace = ConfigurationPlace()) {
    stateDirectory = place.state
    certificateFile = place.keys + "/server.crt"
    keyFile = place.keys + "/server.key"
    clientCAFile = place.keys + "/ca.crt"
    secretsKeyFile = Self.secretsKeyFile(in: place.settings)
    user = place.user
    workers = min(max(1, place.cores / 2), 4)
    launchers = place.cores
  }

  /// What to do where there are none, as the end of a sentence.
  package static let certificateAdvice = "make it with jobd setup, or with jobctl ca"

  /// Where it is unless an option says otherwise: beside the configuration file.
  static func secretsKeyFile(in directory: String) -> String { "\(directory)/secrets.key" }

  package var listen: Address {
    get { Address(host: listenHost, port: listenPort) }
    set { (listenHost, listenPort) = (newValue.host, newValue.port) }
  }

  /// The revocation list that is used where none is named, when it is there: `jobctl ca revoke` makes it.
  package var standardCRLFile: String { Path.beside(clientCAFile, "ca.crl") }

  /// `jobctl ca revoke` knows of its own authority: of others in the same file there need not be a list. One that is named
  /// has to be whole.
  package var listsArePartial: Bool { crlFile == standardCRLFile }

  /// Has the standard revocation list used, where none is named and this one is there. From then on it is named: one that
  /// vanishes would let in again who was revoked.
  package mutating func findRevocations() {
    var info = stat()
    // One that cannot be looked at may be there: its use fails, in words.
    guard crlFile == nil, lstat(standardCRLFile, &info) == 0 || ![ENOENT, ENOTDIR].contains(errno) else {
      return
    }
    crlFile = standardCRLFile
  }

  /// The same where it was in use before, and may be gone.
  package mutating func requireRevocations() { crlFile = crlFile ?? standardCRLFile }

  /// The user and group of the api process; nil: those of the supervisor, which is not root or was told so.
  package func apiAccount() throws(AccountError) -> Account? {
    guard let user, geteuid() == 0 else { return nil }
    return try Account(named: user)
  }
}

/// What the defaults depend on: who starts the daemon, and on what.
package struct ConfigurationPlace: Sendable, Equatable {
  /// Directories of the state, of keys and certificates, and of the configuration file.
  package var state: String
  package var keys: String
  package var settings: String
  package var user: String?
  package var cores: Int

  /// The configuration file that is read unless another is named.
  package var file: String { "\(settings)/jobd.json5" }

  package init(environment: [String: String] = [:], isRoot: Bool = geteuid() == 0) {
    let environment = Environment(environment)
    settings = environment.jobd(isRoot: isRoot)
    keys = "\(settings)/pki"
    let standard = isRoot ? "/var/lib" : "\(environment.home)/.local/state"
    state = "\(environment.directory("XDG_STATE_HOME") ?? standard)/jobd"
    user = isRoot ? (getpwnam("jobd") == nil ? "nobody" : "jobd") : nil
    cores = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
  }
}

import Glibc

/// All that can be set of the daemon, with its defaults. Built once, passed down; also what the api process is told.
/// What each means is said in ``ConfigurationOption/all``. Sizes are in bytes, times in milliseconds.
public struct Configuration: Sendable, Codable, Equatable {
  public var listenHost = "127.0.0.1"
  public var listenPort: UInt16 = 7443
  public var stateDirectory: String
  public var certificateFile: String
  public var keyFile: String
  public var clientCAFile: String
  public var crlFile: String?
  /// Nil: the api process stays the user that started the daemon.
  public var user: String?
  public var logLevel = LogLevel.info
  /// Names of clients who may read what the daemon counts.
  public var metricsClients: [String] = []

  public var workers: Int
  public var launchers: Int
  public var cgroup = true
  public var cgroupParent: String?

  public var outputLimit = 64 << 20
  public var grace = 10_000
  public var drainTime = 30_000

  public var maxHead = 32 << 10
  public var maxBody = 4 << 20
  public var maxConnections = 20_000
  public var maxRunningJobs = 20_000
  public var handshakeTimeout = 10_000
  public var headTimeout = 10_000
  public var bodyTimeout = 30_000
  public var idleTimeout = 300_000
  public var writeTimeout = 120_000
  public var sessionCache = 20_000

  public var clientConnections = 12_000
  public var clientFollowers = 4_000
  public var clientRunningJobs = 12_000
  public var clientCreateRate = 5_000
  public var clientStoredBytes = 100 << 30

  public var retentionAge = 7 * 86_400_000
  public var retentionJobs = 200_000
  public var retentionBytes = 10 << 30
  public var retentionTotalBytes = 50 << 30
  public var retentionEvents = 1_000_000

  public init(_ place: ConfigurationPlace = ConfigurationPlace()) {
    stateDirectory = place.state
    certificateFile = place.keys + "/server.crt"
    keyFile = place.keys + "/server.key"
    clientCAFile = place.keys + "/ca.crt"
    user = place.user
    workers = min(max(1, place.cores / 2), 4)
    launchers = place.cores
  }
}

/// What the defaults depend on: who starts the daemon, and on what.
public struct ConfigurationPlace: Sendable, Equatable {
  /// Directories of the state, of keys and certificates, and of the configuration file.
  public var state: String
  public var keys: String
  public var settings: String
  public var user: String?
  public var cores: Int

  public init(environment: [String: String] = [:], isRoot: Bool = geteuid() == 0) {
    let home = environment["HOME"].flatMap { $0.isEmpty ? nil : $0 } ?? "/"
    // An empty or relative one is as if it were not set (XDG Base Directory Specification).
    func directory(_ name: String) -> String? { environment[name].flatMap { $0.hasPrefix("/") ? $0 : nil } }
    let own = isRoot ? "/etc" : directory("XDG_CONFIG_HOME") ?? "\(home)/.config"
    settings = "\(own)/jobd"
    keys = "\(own)/jobd/pki"
    state = "\(directory("XDG_STATE_HOME") ?? (isRoot ? "/var/lib" : "\(home)/.local/state"))/jobd"
    user = isRoot ? (getpwnam("jobd") == nil ? "nobody" : "jobd") : nil
    cores = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
  }
}

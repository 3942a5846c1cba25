/// One thing that can be set: by the flag `--name`, the environment's `JOBD_NAME`, or `name` in the configuration
/// file, with `_` for `-` in the latter two.
package struct ConfigurationOption: Sendable {
  package let name: String
  package let value: OptionValue
  package let explanation: String
  /// The default in words, where it depends on the machine or on who starts the daemon.
  package var standard: String?

  package init(_ name: String, _ value: OptionValue, _ explanation: String, default standard: String? = nil) {
    self.name = name
    self.value = value
    self.explanation = explanation
    self.standard = standard
  }

  package var key: String { name.replacing("-", with: "_") }
  package var variable: String { "JOBD_" + key.uppercased() }

  /// Options that belong together in the help.
  package struct Group: Sendable {
    package let title: String
    package let options: [ConfigurationOption]
  }

  package static let groups = [service, jobs, connections, clients, retention]
  package static let all = groups.flatMap(\.options)

  package static func named(_ name: String) -> ConfigurationOption? { all.first { $0.name == name } }
}

extension ConfigurationOption {
  private static let service = Group(
    title: "Service",
    options: [
      Self("listen", .address, "Where clients connect."),
      Self(
        "state-directory", .path(\.stateDirectory), "Holds the database and the output of jobs.",
        default:
          "$XDG_STATE_HOME/jobd where that is set, else /var/lib/jobd as root and ~/.local/state/jobd otherwise"
      ),
      Self(
        "certificate-file", .path(\.certificateFile), "The server's certificate and its chain, PEM.",
        default: pki("server.crt")),
      Self(
        "key-file", .path(\.keyFile), "The key of that certificate, PEM. Read before rights are given up.",
        default: pki("server.key")),
      Self(
        "client-ca-file", .path(\.clientCAFile), "The authorities whose clients are let in, PEM.",
        default: pki("ca.crt")),
      Self(
        "crl-file", .optionalPath(\.crlFile), "Certificates that are let in no more: a revocation list, PEM.",
        default: "none"),
      Self(
        "user", .optionalText(\.user), "The user that the api process becomes, which talks to the network.",
        default: "as root jobd, or nobody where there is no such user; else the user who starts the daemon"),
      Self("log-level", .level, "The least important entries that are logged: \(OptionValue.level.allowed)."),
      Self(
        "metrics-clients", .names(\.metricsClients),
        "Clients, by the common names of their certificates, who may read /metrics.", default: "none"),
      Self(
        "workers", .automatic(\.workers, most: 256), "Threads that serve connections.",
        default: "one for every two cores, up to 4: jobs need cores too"),
      Self(
        "drain-time", .duration(\.drainTime, 0...day),
        "How long a stopping daemon lets replies go on, and a reloaded one those that follow a job."),
    ])

  private static let jobs = Group(
    title: "Jobs",
    options: [
      Self(
        "launchers", .automatic(\.launchers, most: 256), "Threads that launch jobs.",
        default: "one for each core"),
      Self(
        "cgroup", .toggle(\.cgroup), "Put each job into a cgroup of its own where cgroup v2 can be written."),
      Self(
        "cgroup-parent", .optionalPath(\.cgroupParent), "The cgroup v2 directory to make them in.",
        default: "the one that the daemon is in"),
      Self(
        "output-limit", .size(\.outputLimit, 0...(1 << 50)),
        "Bytes kept of each of a job's streams; the rest is counted and dropped."),
      Self("grace", .duration(\.grace, 0...day), "Time between TERM and KILL when a job is stopped."),
      Self("max-running-jobs", .number(\.maxRunningJobs, 1...10_000_000), "Jobs that run at once."),
    ])

  private static let connections = Group(
    title: "Connections",
    options: [
      Self("max-connections", .number(\.maxConnections, 1...10_000_000), "Connections at once."),
      Self("max-head", .size(\.maxHead, 1024...(1 << 20)), "Size of a request's line and headers."),
      Self(
        "max-body", .size(\.maxBody, 1024...(8 << 20)),
        "Size of a request's body, but for standard input, which has none."),
      Self("handshake-timeout", .duration(\.handshakeTimeout, 100...day), "Time for a TLS handshake."),
      Self(
        "head-timeout", .duration(\.headTimeout, 100...day),
        "Time for a request's line and headers, once begun."),
      Self("body-timeout", .duration(\.bodyTimeout, 100...day), "Time without a byte of a request's body."),
      Self("idle-timeout", .duration(\.idleTimeout, 100...day), "Time without a request on a connection."),
      Self(
        "write-timeout", .duration(\.writeTimeout, 100...day),
        "Time in which a client takes no byte of a reply."),
      Self("session-cache", .number(\.sessionCache, 0...10_000_000), "TLS sessions kept for resumption."),
    ])

  private static let clients = Group(
    title: "Limits of one client",
    options: [
      Self("client-connections", .number(\.clientConnections, 1...10_000_000), "Connections at once."),
      Self(
        "client-followers", .number(\.clientFollowers, 1...10_000_000),
        "Replies at once that follow output or events."),
      Self("client-running-jobs", .number(\.clientRunningJobs, 1...10_000_000), "Jobs that run at once."),
      Self("client-create-rate", .number(\.clientCreateRate, 1...10_000_000), "Jobs created in a second."),
      Self(
        "client-stored-bytes", .size(\.clientStoredBytes, 0...(1 << 50)),
        "Bytes stored, from which on no job is created."),
    ])

  private static let retention = Group(
    title: "How long finished jobs are kept",
    options: [
      Self(
        "retention-age", .duration(\.retentionAge, 0...3650 * day),
        "Time since a job finished. Events are kept as long."),
      Self("retention-jobs", .number(\.retentionJobs, 0...1_000_000_000), "Finished jobs of one client."),
      Self("retention-bytes", .size(\.retentionBytes, 0...(1 << 50)), "Stored bytes of one client."),
      Self(
        "retention-total-bytes", .size(\.retentionTotalBytes, 0...(1 << 50)),
        "Stored bytes of all clients; the one with most loses its oldest first."),
      Self("retention-events", .number(\.retentionEvents, 0...1_000_000_000), "Events of one client."),
    ])

  private static let day = 86_400_000
  private static func pki(_ name: String) -> String {
    "/etc/jobd/pki/\(name) as root, else ~/.config/jobd/pki/\(name)"
  }
}

import JobAPI
import Platform

/// One thing that can be set: by the flag `--name`, the environment's `JOBD_NAME`, or `name` in the configuration
/// file, with `_` for `-` in the latter two.
package struct ConfigurationOption: Sendable {
  package let name: String
  package let explanation: String
  /// The default in words, where it depends on the machine or on who starts the daemon.
  private let standard: String?
  package let kind: OptionKind
  package let placeholder, allowed: String
  /// Its value as text.
  package let print: @Sendable (Configuration) -> String
  /// Sets what a text says. False: that is not allowed.
  package let set: @Sendable (String, inout Configuration) -> Bool
  /// How the same is set for some clients; nil: it holds for the whole daemon.
  package let member: ClientMember?

  /// `unset`: a value that leaves the field as it is.
  init<Value: Equatable & Sendable>(
    _ name: String, _ field: WritableKeyPath<Configuration, Value> & Sendable, _ value: OptionValue<Value>,
    unset: Value? = nil, _ explanation: String, default standard: String? = nil
  ) {
    (self.name, self.explanation, self.standard, member) = (name, explanation, standard, nil)
    (kind, placeholder, allowed) = (value.kind, value.placeholder, value.allowed)
    print = { value.print($0[keyPath: field]) }
    set = { text, configuration in
      guard let new = value.parse(text) else { return false }
      if new != unset { configuration[keyPath: field] = new }
      return true
    }
  }

  /// One that can be set for some clients too.
  init<Value: Sendable>(
    _ name: String, ofClient field: WritableKeyPath<ClientSettings, Value> & Sendable,
    _ value: OptionValue<Value>, _ explanation: String
  ) {
    let member = ClientMember(name, field, value)
    (self.name, self.explanation, standard, self.member) = (name, explanation, nil, member)
    (kind, placeholder, allowed) = (value.kind, value.placeholder, value.allowed)
    print = { member.print($0.client) }
    set = { member.set($0, &$1.client) }
  }

  package var flag: String { "--\(name)" }
  package var key: String { name.underscored }
  package var variable: String { "JOBD_" + key.uppercased() }
  /// The default, in words where it depends on the machine.
  package var defaultText: String { standard ?? print(Configuration()) }

  /// Options that belong together in the help.
  package struct Group: Sendable {
    package let title: String
    package let options: [ConfigurationOption]
  }

  package static let groups = [service, jobs, connections, clients, jobLimits, retention]
  package static let all = groups.flatMap(\.options)
  /// Those that can be set for some clients, by the names of their members.
  static let members = Dictionary(
    uniqueKeysWithValues: all.compactMap { option in option.member.map { ($0.name, option) } })
}

extension ConfigurationOption {
  private static let service = Group(
    title: "Service",
    options: [
      Self("listen", \.listen, .address, "Where clients connect."),
      Self(
        "state-directory", \.stateDirectory, .path, "Holds the database and the output of jobs.",
        default:
          "$XDG_STATE_HOME/jobd where that is set, else /var/lib/jobd as root and ~/.local/state/jobd otherwise"
      ),
      Self(
        "certificate-file", \.certificateFile, .path, "The server's certificate and its chain, PEM.",
        default: pki("server.crt")),
      Self(
        "key-file", \.keyFile, .path, "The key of that certificate, PEM. Read before rights are given up.",
        default: pki("server.key")),
      Self(
        "client-ca-file", \.clientCAFile, .path, "The authorities whose clients are let in, PEM.",
        default: pki("ca.crt")),
      Self(
        "crl-file", \.crlFile, .optionalPath, "Certificates that are let in no more: a revocation list, PEM.",
        default: "ca.crl beside client_ca_file, when it is there"),
      Self(
        "secrets-key-file", \.secretsKeyFile, .path,
        "The key that secrets of jobs are stored by, for the daemon's user alone. Made when it is first needed; best not in the state directory, which the api process reads.",
        default: "secrets.key beside the configuration file"),
      Self(
        "identity", \.identity, .identity,
        "What of its certificate a client is known by: the common name, or the one URI among the alternative names, as SPIFFE has it."
      ),
      Self(
        "user", \.user, .optionalText, "The user that the api process becomes, which talks to the network.",
        default: "as root jobd, or nobody where there is no such user; else the user who starts the daemon"),
      Self(
        "log-level", \.logLevel, .level, "The least important entries that are logged: \(LogLevel.allowed)."),
      Self(
        "audit-file", \.auditFile, .auditPlace,
        "Who did what, a line of JSON for each: a file that is appended to, or the journal. SIGHUP opens it anew.",
        default: "none"),
      Self(
        "audit-required", \.auditRequired, .toggle,
        "Refuse creations while the audit trail cannot be written."),
      Self(
        "workers", \.workers, .automatic(most: 256), unset: 0, "Threads that serve connections.",
        default: "one for every two cores, up to 4: jobs need cores too"),
      Self(
        "drain-time", \.drainTime, .duration(0...day),
        "How long a stopping or reloaded daemon lets replies and uploads go on."),
      Self(
        "watchdog-time", \.watchdogTime, .duration(2000...day),
        "Time without a sign of life after which a process of the daemon is replaced; its jobs go on."),
    ])

  private static let jobs = Group(
    title: "Jobs",
    options: [
      Self(
        "launchers", \.launchers, .automatic(most: 256), unset: 0, "Threads that launch jobs.",
        default: "one for each core"),
      Self(
        "cgroup", \.cgroup, .toggle, "Put each job into a cgroup of its own where cgroup v2 can be written."),
      Self(
        "cgroup-parent", \.cgroupParent, .optionalPath, "The cgroup v2 directory to make them in.",
        default: "the one that the daemon is in"),
      Self(
        "output-limit", ofClient: \.outputLimit, .size(bytes),
        "Bytes kept of each of a job's streams; the rest is counted and dropped."),
      Self(
        "grace", ofClient: \.grace, .duration(0...day), "Time between TERM and KILL when a job is stopped."),
      Self("max-running-jobs", \.maxRunningJobs, .number(many), "Jobs that run at once; more wait."),
      Self("max-queued-jobs", \.maxQueuedJobs, .number(0...100_000_000), "Jobs that wait for a slot."),
    ])

  private static let connections = Group(
    title: "Connections",
    options: [
      Self("max-connections", \.maxConnections, .number(many), "Connections at once."),
      Self(
        "max-handshakes", \.maxHandshakes, .number(many),
        "Connections at once that have not ended their handshake; then the one that takes longest is closed."),
      Self(
        "max-memory", \.maxMemory, .size(memory),
        "Bytes held in memory for requests that come, standard input and replies that are not read, in either process."
      ),
      Self("max-head", \.maxHead, .size(1024...(1 << 20)), "Size of a request's line and headers."),
      Self(
        "max-body", \.maxBody, .size(1024...(8 << 20)),
        "Size of a request's body, but for standard input, which has none."),
      Self("handshake-timeout", \.handshakeTimeout, .duration(some), "Time for a TLS handshake."),
      Self(
        "head-timeout", \.headTimeout, .duration(some),
        "Time for a request's line and headers, once begun."),
      Self("body-timeout", \.bodyTimeout, .duration(some), "Time without a byte of a request's body."),
      Self("idle-timeout", \.idleTimeout, .duration(some), "Time without a request on a connection."),
      Self(
        "write-timeout", \.writeTimeout, .duration(some),
        "Time in which a client takes no byte of a reply."),
      Self("session-cache", \.sessionCache, .number(0...10_000_000), "TLS sessions kept for resumption."),
    ])

  private static let clients = Group(
    title: "Limits of one client",
    options: [
      Self("client-connections", ofClient: \.connections, .number(many), "Connections at once."),
      Self(
        "client-memory", ofClient: \.memory, .size(memory),
        "Its part of max_memory: beyond it requests are refused, and jobs with inline standard input."),
      Self(
        "client-followers", ofClient: \.followers, .number(many),
        "Replies at once that follow output or events."),
      Self(
        "client-running-jobs", ofClient: \.runningJobs, .number(many), "Jobs that run at once; more wait."),
      Self(
        "client-queued-jobs", ofClient: \.queuedJobs, .number(0...100_000_000), "Jobs that wait for a slot."),
      Self("client-create-rate", ofClient: \.createRate, .number(many), "Jobs created in a second."),
      Self(
        "client-role", ofClient: \.role, .role,
        "What it may do: owner, all with its own jobs; viewer, read all clients' jobs and /metrics, and change nothing; operator, both, and end and delete all clients' jobs."
      ),
      Self(
        "client-users", ofClient: \.users, .users,
        "Users that its jobs may run as, first the one of creations that name none. A job's group is then one of its user's."
      ),
      Self(
        "client-runners", ofClient: \.runners, .runners,
        "Runners that its jobs may have; none is having none."),
      Self(
        "client-runner", ofClient: \.runner, .runner, "The runner of its jobs whose creation names none."),
      Self(
        "client-stored-bytes", ofClient: \.storedBytes, .size(bytes),
        "Bytes stored, from which on no job is created."),
    ])

  private static let jobLimits = Group(
    title: "Limits of a job",
    options: [
      Self(
        "job-max-memory", ofClient: \.maxMemory, .limit(.size(jobMemory)),
        "The most memory that a creation may ask for; a job that asks for none, and has no default, has as much."
      ),
      Self("job-max-cpus", ofClient: \.maxCPUMilli, .limit(.cpus), "The same of CPUs."),
      Self(
        "job-max-processes", ofClient: \.maxProcesses, .limit(.number(jobProcesses)),
        "The same of processes and threads."),
      Self(
        "job-default-memory", ofClient: \.defaultMemory, .limit(.size(jobMemory)),
        "Memory that a job may use whose creation says nothing of it; at most job_max_memory."),
      Self("job-default-cpus", ofClient: \.defaultCPUMilli, .limit(.cpus), "The same of CPUs."),
      Self(
        "job-default-processes", ofClient: \.defaultProcesses, .limit(.number(jobProcesses)),
        "The same of processes and threads."),
    ])

  private static let retention = Group(
    title: "How long finished jobs are kept",
    options: [
      Self(
        "retention-age", \.retentionAge, .duration(0...3650 * day),
        "Time since a job finished. Events are kept as long."),
      Self(
        "retention-jobs", ofClient: \.retentionJobs, .number(0...1_000_000_000),
        "Finished jobs of one client."),
      Self("retention-bytes", ofClient: \.retentionBytes, .size(bytes), "Stored bytes of one client."),
      Self(
        "retention-total-bytes", \.retentionTotalBytes, .size(bytes),
        "Stored bytes of all clients; the one with most loses its oldest first."),
      Self(
        "retention-events", ofClient: \.retentionEvents, .number(0...1_000_000_000), "Events of one client."),
    ])

  private static let day = 86_400_000
  private static let some = 100...day
  private static let many = 1...10_000_000
  private static let bytes = 0...(1 << 50)
  private static let memory = (1 << 20)...(1 << 50)
  private static let jobMemory = Int(JobLimits.leastMemory)...(1 << 50)
  private static let jobProcesses = 1...Int(JobLimits.mostProcesses)

  private static func pki(_ name: String) -> String {
    "/etc/jobd/pki/\(name) as root, else ~/.config/jobd/pki/\(name)"
  }
}

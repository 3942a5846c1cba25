import Platform

/// What one client may, and what its jobs have that ask for nothing. Made of the options that hold for all clients, and of
/// the entries of ``ClientMap`` that are the client's. What each means is said in ``ConfigurationOption/all``. Sizes are in
/// bytes, times in milliseconds.
package struct ClientSettings: Sendable, Codable, Equatable {
  package var connections = 12_000
  package var memory = 256 << 20
  package var followers = 4_000
  package var runningJobs = 12_000
  package var queuedJobs = 1_000_000
  package var createRate = 5_000
  package var storedBytes = 100 << 30

  package var retentionJobs = 200_000
  package var retentionBytes = 10 << 30
  package var retentionEvents = 1_000_000

  package var role = Role.owner
  /// Names or numbers of the users that its jobs may run as, first the one of creations that name none; nil: any.
  package var users: [String]?
  /// Names of the runners that its jobs may have, ``Runner/none`` for having none; nil: any, or none.
  package var runners: [String]?
  /// Of creations that name none; nil: none.
  package var runner: String?

  package var outputLimit = 64 << 20
  package var grace = 10_000

  /// Limits of a job; 0: none. CPUs in thousandths.
  package var maxMemory = 0
  package var maxCPUMilli = 0
  package var maxProcesses = 0
  package var defaultMemory = 0
  package var defaultCPUMilli = 0
  package var defaultProcesses = 0

  /// A list of whatever there is: no bound.
  static let all = "all"

  package init() {}

  /// What a creation has that does not name it.
  package struct Defaults: Sendable {
    /// Nil: none, and nobody.
    package let runner, user: String?
    package init(runner: String? = nil, user: String? = nil) { (self.runner, self.user) = (runner, user) }
  }

  package var defaults: Defaults { Defaults(runner: runner, user: users?.first) }
}

/// A member of an entry of ``ClientMap``: an option, set for some clients.
package struct ClientMember: Sendable {
  package let name: String
  /// Its value as text.
  package let print: @Sendable (ClientSettings) -> String
  /// Sets what a text says. False: that is not allowed.
  package let set: @Sendable (String, inout ClientSettings) -> Bool

  init<Value: Sendable>(
    _ option: String, _ field: WritableKeyPath<ClientSettings, Value> & Sendable, _ value: OptionValue<Value>
  ) {
    name = Self.name(of: option.underscored)
    print = { value.print($0[keyPath: field]) }
    set = { text, settings in
      guard let new = value.parse(text) else { return false }
      settings[keyPath: field] = new
      return true
    }
  }

  /// The member that an option is, by its key.
  static func name(of key: String) -> String {
    let prefix = ["client_", "job_"].first(where: key.hasPrefix) ?? ""
    return String(key.dropFirst(prefix.count))
  }
}

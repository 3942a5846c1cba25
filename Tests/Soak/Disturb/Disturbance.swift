/// What is done to the daemon while it serves.
enum Disturbance: String, CaseIterable {
  /// The api process is killed.
  case apiKill = "api-kill"
  /// SIGHUP: a fresh api process takes the place of the running one.
  case reload
  /// SIGUSR2 or `jobd upgrade`: the supervisor's binary is replaced.
  case upgrade
  /// The same with a binary that does not start: the old one goes on.
  case badUpgrade = "bad-upgrade"
  /// A supervisor is killed during an upgrade, before its end or after.
  case upgradeKill = "upgrade-kill"
  /// The supervisor is killed, and the keeper starts another.
  case supervisorKill = "supervisor-kill"
  /// SIGSTOP: it hangs, and is replaced.
  case supervisorStop = "supervisor-stop"
  case apiStop = "api-stop"
}

extension Disturbance {
  /// As many of each as asked for, in random order.
  static func all(
    _ counts: [Disturbance: Int], using random: inout some RandomNumberGenerator
  ) -> [Disturbance] {
    allCases.flatMap { Array(repeating: $0, count: counts[$0] ?? 0) }.shuffled(using: &random)
  }
}

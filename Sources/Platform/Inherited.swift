import CPlatform
import Glibc

/// What a process has from whoever started it.
package enum Inherited {
  /// Takes back what jobs would get of it: whoever starts the daemon, they have the same. Root's daemon has the groups of
  /// its user and no others. Before other threads are started.
  package static func reset() {
    jp_reset_inherited()
    guard geteuid() == 0 else { return }
    let groups = Account.own.groups
    setgroups(groups.count, groups)
  }
}

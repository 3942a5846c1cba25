import CJobEngine
import Glibc
import Platform

/// Who a job runs as, in the form of the engine, and what its environment begins with. One is made for each account that
/// jobs ask for, and lives as long as the process. Any thread.
package struct JobIdentity: @unchecked Sendable {
  // Written once, before anybody else knows it.
  let pointer: UnsafePointer<jc_identity>

  private struct Key: Hashable {
    let account: Account
    let groups: [gid_t]
  }

  private static let known = Mutex<[Key: JobIdentity]>([:])

  /// That of this process.
  package static let own = JobIdentity(.own, nil)

  /// Another account's; with the groups it is in, where this process may take them (setgroups(2)).
  package static func of(_ account: Account, _ groups: [gid_t]) -> JobIdentity {
    let key = Key(account: account, groups: groups)
    return known.withLock { known in
      if let identity = known[key] { return identity }
      let identity = JobIdentity(account, key.groups)
      known[key] = identity
      return identity
    }
  }

  /// `ofOthers`: the groups of another account; nil: it is this process's.
  private init(_ account: Account, _ ofOthers: [gid_t]?) {
    let (groups, changesUser) = (ofOthers ?? [], ofOthers != nil)
    let list = UnsafeMutablePointer<gid_t>.allocate(capacity: max(1, groups.count))
    list.initialize(from: groups, count: groups.count)
    let made = UnsafeMutablePointer<jc_identity>.allocate(capacity: 1)
    made.initialize(
      to: jc_identity(
        uid: changesUser ? account.user : .max, gid: changesUser ? account.group : .max, groups: list,
        group_count: groups.count, environment: Self.environment(account)))
    pointer = UnsafePointer(made)
  }

  /// NULL-terminated.
  private static func environment(_ account: Account) -> UnsafePointer<UnsafePointer<CChar>?> {
    let entries = [
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8",
      "HOME=\(account.home)", "USER=\(account.name)", "LOGNAME=\(account.name)", "SHELL=\(account.shell)",
    ]
    let vector = UnsafeMutablePointer<UnsafePointer<CChar>?>.allocate(capacity: entries.count + 1)
    for (index, entry) in entries.enumerated() { (vector + index).initialize(to: strdup(entry)) }
    (vector + entries.count).initialize(to: nil)
    return UnsafePointer(vector)
  }
}

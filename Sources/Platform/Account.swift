import Glibc

/// A user and group of the system.
package struct Account: Equatable, Sendable {
  package var user: uid_t
  package var group: gid_t

  package init(user: uid_t, group: gid_t) {
    self.user = user
    self.group = group
  }

  /// By name or number (getpwnam_r(3)).
  package init(named name: String) throws(SystemError) {
    var entry = passwd()
    var found: UnsafeMutablePointer<passwd>?
    let status = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 16384) { buffer in
      if let number = uid_t(name) {
        return getpwuid_r(number, &entry, buffer.baseAddress!, buffer.count, &found)
      }
      return getpwnam_r(name, &entry, buffer.baseAddress!, buffer.count, &found)
    }
    guard status == 0, found != nil else { throw Self.unknown("user", name, status) }
    self.init(user: entry.pw_uid, group: entry.pw_gid)
  }

  package static func group(named name: String) throws(SystemError) -> gid_t {
    var entry = Glibc.group()
    var found: UnsafeMutablePointer<Glibc.group>?
    let status = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 65536) { buffer in
      if let number = gid_t(name) {
        return getgrgid_r(number, &entry, buffer.baseAddress!, buffer.count, &found)
      }
      return getgrnam_r(name, &entry, buffer.baseAddress!, buffer.count, &found)
    }
    guard status == 0, found != nil else { throw Self.unknown("group", name, status) }
    return entry.gr_gid
  }

  private static func unknown(_ kind: String, _ name: String, _ status: Int32) -> SystemError {
    SystemError(status == 0 ? ENOENT : status, "find the \(kind) \"\(name)\"")
  }
}

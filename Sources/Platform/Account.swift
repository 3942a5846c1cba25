import Glibc

/// A user and group of the system.
package struct Account: Hashable, Sendable {
  package var user: uid_t
  package var group: gid_t
  package var name: String
  package var home: String
  package var shell: String

  /// By name or number (getpwnam_r(3)).
  package init(named name: String) throws(AccountError) {
    if let number = Self.number(name) {
      guard let account = Account(number) else {
        throw AccountError("there is no user with the number \(name)")
      }
      self = account
    } else {
      guard let account = Self.find({ getpwnam_r(name, &$0, $1, $2, &$3) }) else {
        throw AccountError("there is no user \"\(name)\"")
      }
      self = account
    }
  }

  /// Nil: no user has this number.
  package init?(_ number: uid_t) {
    guard let account = Self.find({ getpwuid_r(number, &$0, $1, $2, &$3) }) else { return nil }
    self = account
  }

  /// That of this process; one of which the system knows nothing has a number only.
  package static var own: Account {
    var account =
      Account(geteuid())
      ?? Account(user: geteuid(), group: getegid(), name: "\(geteuid())", home: "/", shell: "/bin/sh")
    account.group = getegid()
    return account
  }

  private init(user: uid_t, group: gid_t, name: String, home: String, shell: String) {
    (self.user, self.group, self.name, self.home, self.shell) = (user, group, name, home, shell)
  }

  private typealias Entry = (
    inout passwd, UnsafeMutablePointer<CChar>, Int, inout UnsafeMutablePointer<passwd>?
  ) -> Int32

  private static func find(_ look: Entry) -> Account? {
    var entry = passwd()
    var found: UnsafeMutablePointer<passwd>?
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 16384) { buffer in
      guard look(&entry, buffer.baseAddress!, buffer.count, &found) == 0, found != nil else { return nil }
      let shell = String(cString: entry.pw_shell)
      return Account(
        user: entry.pw_uid, group: entry.pw_gid, name: String(cString: entry.pw_name),
        home: String(cString: entry.pw_dir), shell: shell.isEmpty ? "/bin/sh" : shell)
    }
  }

  /// All groups it is in, with ``group`` (getgrouplist(3)).
  package var groups: [gid_t] {
    var count: Int32 = 64
    while true {
      var groups = [gid_t](repeating: 0, count: Int(count))
      if getgrouplist(name, group, &groups, &count) >= 0 { return Array(groups.prefix(Int(count))) }
    }
  }

  package static func group(named name: String) throws(AccountError) -> gid_t {
    let found =
      if let number = number(name) {
        findGroup { getgrgid_r(number, &$0, $1, $2, &$3) }
      } else {
        findGroup { getgrnam_r(name, &$0, $1, $2, &$3) }
      }
    guard let found else { throw AccountError("there is no group \"\(name)\"") }
    return found.number
  }

  /// Its number where it has none.
  package static func name(ofGroup number: gid_t) -> String {
    findGroup { getgrgid_r(number, &$0, $1, $2, &$3) }?.name ?? "\(number)"
  }

  private typealias GroupEntry = (
    inout Glibc.group, UnsafeMutablePointer<CChar>, Int, inout UnsafeMutablePointer<Glibc.group>?
  ) -> Int32

  private static func findGroup(_ look: GroupEntry) -> (name: String, number: gid_t)? {
    var entry = Glibc.group()
    var found: UnsafeMutablePointer<Glibc.group>?
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 65536) { buffer in
      guard look(&entry, buffer.baseAddress!, buffer.count, &found) == 0, found != nil else { return nil }
      return (String(cString: entry.gr_name), entry.gr_gid)
    }
  }

  /// Digits and nothing else: "+0" is a name.
  private static func number(_ text: String) -> UInt32? {
    text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? UInt32(text) : nil
  }
}

/// A user or group that is not there, in words.
package struct AccountError: Error, CustomStringConvertible {
  package let description: String
  package init(_ description: String) { self.description = description }
}

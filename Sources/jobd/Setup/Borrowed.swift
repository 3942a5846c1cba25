import Glibc
import JobModel
import Platform

/// What root does with the rights of another user and no more, so that whatever that user has put into the way of it is
/// of no use. The process stays root's: nobody else can signal or trace it meanwhile.
enum Borrowed {
  /// Who typed sudo; nil: root did not come by it, or by root.
  static var sudoUser: Account? {
    guard geteuid() == 0, let number = Environment()["SUDO_UID"].flatMap({ UInt32($0) }), number != 0 else {
      return nil
    }
    return Account(number)
  }

  static func rights<Result>(of user: Account, _ body: () throws -> Result) throws -> Result {
    let count = getgroups(0, nil)
    var groups = [gid_t](repeating: 0, count: Int(max(0, count)))
    guard count >= 0, getgroups(count, &groups) == count else { throw SystemError(errno, "read groups") }
    let group = getegid()
    defer {
      // As another user it can do none of what follows.
      guard seteuid(0) == 0, setegid(group) == 0, setgroups(groups.count, groups) == 0 else { abort() }
    }
    guard initgroups(user.name, user.group) == 0, setegid(user.group) == 0, seteuid(user.user) == 0 else {
      throw SystemError(errno, "take the rights of \(user.name)")
    }
    return try body()
  }
}

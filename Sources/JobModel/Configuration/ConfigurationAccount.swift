import Glibc
import Platform

extension Configuration {
  /// The user and group of the api process; nil: those of the supervisor, which is not root or was told so.
  package func apiAccount() throws(SystemError) -> Account? {
    guard let user, geteuid() == 0 else { return nil }
    return try Account(named: user)
  }
}

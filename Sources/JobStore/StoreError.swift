import CSQLite
import Glibc
import JobModel
import Platform

/// Why the store could not do what was asked, in words for an operator.
package struct StoreError: Error, Equatable, CustomStringConvertible {
  package typealias Kind = StoreErrorKind
  package let kind: Kind
  package let description: String

  package init(_ kind: Kind, _ description: String) {
    self.kind = kind
    self.description = description
  }

  package init(_ error: SystemError) {
    self.init(Self.kind(ofErrno: error.code) ?? .other, error.description)
  }

  /// `code`: an extended result code of SQLite; `errno`: that of the system call behind it, or 0.
  package init(sqlite code: Int32, errno: Int32, message: String) {
    let isDetailed = errno == 0 && code & 0xff == SQLITE_IOERR
    let cause =
      isDetailed ? " (SQLite's result \(code))" : errno == 0 ? "" : " (\(SystemError.text(of: errno)))"
    self.init(Self.kind(ofResult: code, errno), "database: \(message)\(cause)")
  }

  private static func kind(ofResult code: Int32, _ errno: Int32) -> Kind {
    switch code & 0xff {
    case SQLITE_FULL: .full
    case SQLITE_READONLY, SQLITE_PERM, SQLITE_AUTH: .readOnly
    case SQLITE_CORRUPT, SQLITE_NOTADB: .damaged
    case SQLITE_NOMEM: .outOfMemory
    case SQLITE_IOERR, SQLITE_CANTOPEN: kind(ofErrno: errno) ?? .inputOutput
    default: .other
    }
  }

  private static func kind(ofErrno code: Int32) -> Kind? {
    switch code {
    case ENOSPC, EDQUOT, EFBIG: .full
    case EROFS, EACCES, EPERM: .readOnly
    case ENOMEM: .outOfMemory
    case EIO: .inputOutput
    default: nil
    }
  }
}

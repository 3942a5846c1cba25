import Glibc
import Platform

/// The files of the daemon's programs.
package enum ProgramFile {
  /// Of the running one.
  package static func path() throws(SystemError) -> String {
    guard let path = Path.target(of: "/proc/self/exe") else {
      throw SystemError(errno, "find this program's file")
    }
    return path
  }

  /// Of the keeper, beside it.
  package static func keeper() throws(SystemError) -> String { Path.beside(try path(), "jobd-keeper") }
}

import Glibc
import Platform

/// The files of the daemon's programs.
package enum ProgramFile {
  /// Of the running one.
  package static func path() throws(SystemError) -> String {
    var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = buffer.withUnsafeMutableBytes { readlink("/proc/self/exe", $0.baseAddress!, $0.count) }
    guard count > 0 else { throw SystemError(errno, "find this program's file") }
    return String(decoding: buffer[0..<count], as: UTF8.self)
  }

  /// Of the keeper, beside it.
  package static func keeper() throws(SystemError) -> String {
    let path = try path()
    return path[..<(path.lastIndex(of: "/") ?? path.startIndex)] + "/jobd-keeper"
  }
}

import Glibc
import Platform

/// A directory that nobody had before, and nobody else may use.
enum FreshDirectory {
  /// Named after `path`, beside it.
  static func make(_ path: String) throws(SystemError) -> String {
    var template = Array("\(path).XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw SystemError(errno, "make \(path)") }
    return String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}

import Glibc
import Platform

/// A directory that lives as long as a test.
package final class Scratch {
  package let path: String
  private var count = 0

  package init() throws {
    var template = Array("/tmp/jobd-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw CannotStart(program: "mkdtemp", code: errno) }
    path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    // The api process runs as another user.
    chmod(path, 0o755)
  }

  /// A name nothing has yet.
  package func fresh(_ name: String) -> String {
    count += 1
    return "\(path)/\(name)-\(count)"
  }

  package func remove() { Files.removeTree(path) }
}

package enum Files {
  /// The directory that README.md is in.
  package static let repository = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")

  package static func write(_ bytes: [UInt8], to path: String, mode: mode_t = 0o600) throws {
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
    guard file >= 0 else { throw CannotStart(program: path, code: errno) }
    defer { close(file) }
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress! + done, bytes.count - done) }
      guard count > 0 else { throw CannotStart(program: path, code: errno) }
      done += count
    }
  }

  package static func read(_ path: String) -> [UInt8] {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return [] }
    defer { close(file) }
    var bytes: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = Glibc.read(file, &block, block.count)
      guard count > 0 else { return bytes }
      bytes += block[0..<count]
    }
  }

  package static func text(_ path: String) -> String { String(decoding: read(path), as: UTF8.self) }

  package static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// What a symbolic link leads to.
  package static func target(_ path: String) -> String {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = buffer.withUnsafeMutableBytes { readlink(path, $0.baseAddress!, $0.count) }
    return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
  }

  /// Names in a directory.
  package static func list(_ path: String) -> [String] { Directory.names(path) }

  /// Regular files below a directory.
  package static func countFiles(below path: String) -> Int {
    list(path).reduce(0) { count, name in
      var status = stat()
      lstat("\(path)/\(name)", &status)
      return count + (status.st_mode & S_IFMT == S_IFDIR ? countFiles(below: "\(path)/\(name)") : 1)
    }
  }

  package static func removeTree(_ path: String) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return }
    if status.st_mode & S_IFMT == S_IFDIR {
      for name in list(path) { removeTree("\(path)/\(name)") }
      rmdir(path)
    } else {
      unlink(path)
    }
  }
}

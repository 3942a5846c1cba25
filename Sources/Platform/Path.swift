import Glibc

package enum Path {
  /// `path` seen from the working directory.
  package static func absolute(_ path: String) -> String {
    guard !path.hasPrefix("/"), let directory = getcwd(nil, 0) else { return path }
    defer { free(directory) }
    return "\(String(cString: directory))/\(path)"
  }

  /// Without symbolic links; the path itself where it leads nowhere.
  package static func real(_ path: String) -> String {
    guard let real = realpath(path, nil) else { return path }
    defer { free(real) }
    return String(cString: real)
  }

  /// Of an absolute path.
  package static func directory(of path: String) -> String {
    let directory = path[..<(path.lastIndex(of: "/") ?? path.startIndex)]
    return directory.isEmpty ? "/" : String(directory)
  }

  /// That of another file in the same directory.
  package static func beside(_ path: String, _ name: String) -> String {
    "\(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])/\(name)"
  }

  /// What a symbolic link holds (readlink(2)); nil: it is none, or errno says what else.
  package static func target(of path: String) -> String? {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX)) { buffer in
      let count = readlink(path, buffer.baseAddress!, buffer.count)
      return count < 0 ? nil : String(decoding: UnsafeRawBufferPointer(buffer)[..<count], as: UTF8.self)
    }
  }
}

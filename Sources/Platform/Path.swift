import Glibc

package enum Path {
  /// `path` seen from the working directory.
  package static func absolute(_ path: String) -> String {
    guard !path.hasPrefix("/"), let directory = getcwd(nil, 0) else { return path }
    defer { free(directory) }
    return "\(String(cString: directory))/\(path)"
  }

  /// Of an absolute path.
  package static func directory(of path: String) -> String {
    let directory = path[..<(path.lastIndex(of: "/") ?? path.startIndex)]
    return directory.isEmpty ? "/" : String(directory)
  }
}

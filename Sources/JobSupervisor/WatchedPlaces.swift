import Glibc
import Platform

/// The directories through which paths lead, as the kernel resolves them (path_resolution(7)).
struct WatchedPlaces: Equatable {
  /// By the path of the directory, without links, the names in it on which depends where a path leads: those of files, of
  /// symbolic links, and of what is not there. None: it only matters whether it stays where it is.
  private(set) var names: [String: Set<String>] = [:]

  /// As many as the kernel follows.
  private static let mostLinks = 40

  init(_ paths: [String]) {
    for path in paths { walk(path) }
  }

  private mutating func walk(_ path: String) {
    var (directory, links) = ("/", 0)
    var rest = Self.components(path)
    while let name = rest.popLast() {
      names[directory, default: []].formUnion([])
      let place = directory == "/" ? "/\(name)" : "\(directory)/\(name)"
      var info = stat()
      // One that is a directory now may be the file again.
      if rest.isEmpty { names[directory]!.insert(name) }
      if name == ".." {
        directory = Path.directory(of: directory)
      } else if lstat(place, &info) == 0, info.st_mode & S_IFMT == S_IFDIR {
        directory = place
      } else {
        names[directory, default: []].insert(name)
        guard let target = Path.target(of: place), links < Self.mostLinks else { return }
        links += 1
        if target.first == "/" { directory = "/" }
        rest += Self.components(target)
      }
    }
  }

  /// The last one first.
  private static func components(_ path: String) -> [String] {
    path.split(separator: "/").filter { $0 != "." }.reversed().map(String.init)
  }
}

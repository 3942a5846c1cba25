import Glibc
import Platform

/// Room on the disk that is kept for deletions and results, so that a disk that jobs have filled can be emptied: without
/// room for the log of a deletion nothing could be. The writer's thread only.
final class DiskReserve {
  private enum State {
    /// Some disks have no room for it from the start, or take no file of its size.
    case none
    case whole, given
  }

  private let path: String
  private let size: off_t
  private var state = State.none

  private static let most: off_t = 8 << 20

  /// Makes the file `reserve` beside the database, or takes over that of an earlier daemon.
  init(beside database: String) {
    path = Path.beside(database, "reserve")
    var space = statvfs()
    // A sixteenth of a small file system.
    let total = statvfs(database, &space) == 0 ? off_t(space.f_blocks) * off_t(space.f_frsize) : 0
    size = min(Self.most, total / 16)
    if allocate() { state = .whole }
  }

  /// Gives the room to what is written next. False: there is none, or it was given before.
  func give() -> Bool {
    guard state == .whole else { return false }
    state = .given
    return truncate(path, 0) == 0
  }

  /// Takes the room back. False: it was given, and the disk is still full.
  func restore() -> Bool {
    guard state == .given else { return true }
    guard allocate() else { return false }
    state = .whole
    return true
  }

  private func allocate() -> Bool {
    let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard file >= 0 else { return false }
    defer { close(file) }
    guard posix_fallocate(file, 0, size) != 0 else { return true }
    _ = ftruncate(file, 0)
    return false
  }
}

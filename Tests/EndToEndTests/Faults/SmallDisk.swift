import Glibc
import Harness
import Testing

/// A small file system of its own for a daemon's state. Root only.
final class SmallDisk {
  private let scratch: Scratch
  var path: String { scratch.path }
  private var filler: String { "\(path)/filler" }

  init(_ size: String) throws {
    scratch = try Scratch()
    try #require(mount("tmpfs", scratch.path, "tmpfs", 0, "size=\(size),mode=755") == 0)
  }

  /// Nothing more can be written.
  func fill() throws {
    let file = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    try #require(file >= 0)
    defer { close(file) }
    let block = [UInt8](repeating: 1, count: 4096)
    while write(file, block, block.count) > 0 {}
    try #require(errno == ENOSPC)
  }

  /// There is room again.
  func empty() { unlink(filler) }

  func remove() {
    umount2(path, Int32(MNT_DETACH))
    scratch.remove()
  }
}

import CPlatform
import Glibc
import Harness

@testable import Platform

/// A file system in user space (fuse(4)) that takes requests and does not answer: whoever looks for a file in it waits
/// in the kernel, where no signal reaches, until ``abort()``.
final class HangingFileSystem: @unchecked Sendable {
  // The thread reads the descriptor alone; `abort` unmounts, which ends its read.
  let path: String
  private let device: Int32
  private var thread: pthread_t?

  /// Nil where this may not be mounted.
  init?(at path: String) throws {
    self.path = path
    device = open("/dev/fuse", O_RDWR | O_CLOEXEC)
    guard device >= 0 else { return nil }
    let options = "fd=\(device),rootmode=40000,user_id=0,group_id=0,allow_other"
    guard mkdir(path, 0o755) == 0, mount("hanging", path, "fuse", 0, options) == 0 else {
      close(device)
      return nil
    }
    thread = try SystemThread.start("hanging") { [self] in serve() }
  }

  private func serve() {
    var request = [UInt8](repeating: 0, count: 1 << 17)
    while true {
      let count = read(device, &request, request.count)
      if count < 0, errno == EINTR || errno == ENOENT || errno == EAGAIN { continue }
      guard count >= 40 else { return }
      let opcode = request.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 4, as: UInt32.self) }
      if opcode == 26 { answerInit(unique: Array(request[8..<16])) }
    }
  }

  /// FUSE_INIT: header, protocol 7.31, and the smallest of everything else.
  private func answerInit(unique: [UInt8]) {
    var reply = [UInt8](repeating: 0, count: 16 + 64)
    reply[0] = UInt8(reply.count)
    reply.replaceSubrange(8..<16, with: unique)
    reply[16] = 7
    reply[20] = 31
    reply[16 + 20 + 1] = 0x10  // max_write: 4096
    _ = write(device, reply, reply.count)
  }

  /// Whoever waits is answered with an error.
  func abort() {
    guard let thread else { return }
    self.thread = nil
    umount2(path, Int32(MNT_FORCE | MNT_DETACH))
    pthread_join(thread, nil)
    close(device)
    rmdir(path)
  }
}

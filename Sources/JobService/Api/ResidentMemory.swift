import Glibc

/// The memory that the daemon's processes have in RAM, those shared with others included (proc_pid_statm(5)). Any thread.
struct ResidentMemory: Sendable {
  /// Each process's name and its file: what is open is not out of reach once this process has given up its rights.
  private let files: [(process: String, descriptor: Int32)]

  /// Before rights are given up. A process that cannot be looked at is left out.
  init() {
    files = [("api", "self"), ("supervisor", "\(getppid())")].compactMap { process, name in
      let descriptor = open("/proc/\(name)/statm", O_RDONLY | O_CLOEXEC)
      return descriptor < 0 ? nil : (process, descriptor)
    }
  }

  /// In bytes, of each process that is there.
  var now: [(process: String, bytes: UInt64)] {
    files.compactMap { process, descriptor in Self.bytes(descriptor).map { (process, $0) } }
  }

  /// The second number is that of pages in RAM.
  private static func bytes(_ descriptor: Int32) -> UInt64? {
    let text = String(unsafeUninitializedCapacity: 128) {
      max(0, pread(descriptor, $0.baseAddress, $0.count, 0))
    }
    let numbers = text.split(separator: " ")
    guard numbers.count > 1, let pages = UInt64(numbers[1]) else { return nil }
    return pages * UInt64(getpagesize())
  }
}

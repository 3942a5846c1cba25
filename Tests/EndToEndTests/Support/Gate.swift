import Glibc
import Harness
import Testing

/// A program that does nothing, and whose start waits until the gate is open; with it waits the launcher that starts it.
/// Exec opens the file, and that waits for the lease on it to be given back (fcntl(2)), which the kernel ends after 45
/// seconds (/proc/sys/fs/lease-break-time).
final class Gate {
  let program: String
  private let file: Int32

  // Glibc's module lacks them.
  private static let setSignal: Int32 = 10
  private static let setLease: Int32 = 1024
  private static let getLease: Int32 = 1025

  init(_ scratch: Scratch) throws {
    program = scratch.fresh("gate")
    try Files.write(Files.read("/bin/true"), to: program, mode: 0o755)
    file = Glibc.open(program, O_RDONLY | O_CLOEXEC)
    try #require(file >= 0)
    // Whoever waits makes a signal: SIGIO, unless told otherwise, which would end the tests.
    try #require(fcntl(file, Self.setSignal, SIGURG) == 0)
    // A process that another test starts may have a copy of the descriptor that wrote it until its exec.
    try Poll.until("a lease") { fcntl(file, Self.setLease, F_WRLCK) == 0 }
  }

  deinit { close(file) }

  func waitUntilReached() throws {
    try Poll.until("a launch of \(program)") { fcntl(file, Self.getLease) != F_WRLCK }
  }

  func open() { _ = fcntl(file, Self.setLease, F_UNLCK) }
}

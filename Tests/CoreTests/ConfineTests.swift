import CJobHTTP
import CJobLoop
import CPlatform
import Glibc
import Testing

import enum Harness.Files
import enum Harness.Landlock
import class Harness.Scratch
import class Harness.Thread

/// What a process that gave up its rights cannot do any more. The filter holds for the thread that set it alone.
struct ConfineTests {
  /// What was tried, and what became of it: an errno, 0 when it went well.
  private final class Tries: @unchecked Sendable {
    // Written by one thread, read when that was joined.
    var results: [(what: String, error: Int32)] = []

    func attempt(_ what: String, _ call: () -> Int32) {
      errno = 0
      let result = call()
      results.append((what, result < 0 ? errno : result))
    }
  }

  /// `directory`: what may be read.
  private func confined(
    _ directory: String = "/proc", _ body: @escaping @Sendable (Tries) -> Void
  ) throws -> [(what: String, error: Int32)] {
    let tries = Tries()
    Thread {
      tries.attempt("confine") { -jc_confine(.max, .max, directory) }
      body(tries)
    }.join()
    try #require(tries.results.first?.error == 0)
    return Array(tries.results.dropFirst())
  }

  @Test func otherProcessesAreOutOfReach() throws {
    let refused = try confined { tries in
      let parent = getppid()
      tries.attempt("spawn") { Self.spawn() }
      tries.attempt("kill") { kill(parent, 0) }
      tries.attempt("tgkill") { pthread_kill(pthread_self(), SIGCONT) }
      tries.attempt("sigqueue") { sigqueue(parent, SIGCONT, sigval()) }
      tries.attempt("prlimit") { Self.limit(of: parent) }
      tries.attempt("setpriority") { setpriority(Int32(PRIO_PROCESS.rawValue), id_t(parent), 0) }
      tries.attempt("sched_setscheduler") {
        var parameters = sched_param()
        return sched_setscheduler(parent, SCHED_OTHER, &parameters)
      }
      tries.attempt("ioprio_set") { Self.call(Self.ioprioSet, 1, Int(parent), 0) }
      tries.attempt("pidfd_open") { jp_pidfd_open(parent) < 0 ? -1 : 0 }
      tries.attempt("F_SETOWN") { fcntl(0, F_SETOWN, parent) }
      tries.attempt("F_SETSIG") { fcntl(0, 10, SIGKILL) }
    }
    for (what, error) in refused { #expect(error == EPERM, "\(what)") }
  }

  private static func spawn() -> Int32 {
    var pid: pid_t = 0
    var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("true"), nil]
    defer { free(arguments[0]) }
    return posix_spawn(&pid, "/bin/true", nil, nil, &arguments, nil)
  }

  /// prlimit(2), which Swift is not shown.
  private static func limit(of process: pid_t) -> Int32 {
    typealias Call =
      @convention(c) (pid_t, Int32, UnsafeRawPointer?, UnsafeMutableRawPointer?) -> Int32
    var limit = rlimit()
    return unsafeBitCast(dlsym(nil, "prlimit"), to: Call.self)(process, 4, nil, &limit)
  }

  /// syscall(2), for what the C library has no function for.
  private static func call(_ number: Int, _ one: Int, _ two: Int, _ three: Int) -> Int32 {
    typealias Call = @convention(c) (Int, Int, Int, Int, Int) -> Int
    return Int32(
      truncatingIfNeeded: unsafeBitCast(dlsym(nil, "syscall"), to: Call.self)(number, one, two, three, 0))
  }

  #if arch(x86_64)
    private static let (ioprioSet, ioctl) = (251, 16)
  #else
    private static let (ioprioSet, ioctl) = (30, 29)
  #endif

  private static func memoryFile() -> Int32 { jp_memory_file("x", "", 0) < 0 ? -1 : 0 }

  /// Whatever the daemon was started with, such as AmbientCapabilities= of a unit.
  @Test func noCapabilityIsLeft() throws {
    let results = try confined { tries in
      let status = String(decoding: Self.read("/proc/thread-self/status"), as: UTF8.self)
      let sets = status.split(separator: "\n").filter {
        ["CapInh", "CapPrm", "CapEff", "CapAmb"].contains($0.prefix(6))
      }
      tries.attempt("\(sets)") {
        sets.count == 4 && sets.allSatisfy { $0.hasSuffix("\t0000000000000000") } ? 0 : 1
      }
    }
    for (what, error) in results { #expect(error == 0, "\(what)") }
  }

  private static func read(_ path: String) -> [UInt8] {
    let file = open(path, O_RDONLY)
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 8192)
    let count = Glibc.read(file, &bytes, bytes.count)
    return Array(bytes.prefix(max(0, count)))
  }

  @Test func filesAreReadAlone() throws {
    let results = try confined { tries in
      let name = "/tmp/jobd-test-confined-\(getpid())"
      tries.attempt("write") { open("/dev/null", O_WRONLY) }
      tries.attempt("read and write") { open("/dev/null", O_RDWR) }
      tries.attempt("create") { open(name, O_RDONLY | O_CREAT, 0o600) }
      tries.attempt("creat") { creat(name, 0o600) }
      tries.attempt("truncate") { truncate("/dev/null", 0) }
      tries.attempt("unlink") { unlink(name) }
      tries.attempt("rename") { rename(name, name) }
      tries.attempt("mkdir") { mkdir(name, 0o700) }
      tries.attempt("link") { link("/dev/null", name) }
      tries.attempt("symlink") { symlink("/dev/null", name) }
      tries.attempt("chmod") { chmod("/dev/null", 0o666) }
      tries.attempt("fchmodat2") {
        "/dev/null".withCString { Self.call(452, Int(AT_FDCWD), Int(bitPattern: $0), 0o666) }
      }
      tries.attempt("utimensat") { utimensat(AT_FDCWD, "/dev/null", nil, 0) }
      tries.attempt("chown") { chown("/dev/null", 0, 0) }
      tries.attempt("own memory") { open("/proc/self/mem", O_RDWR) }
      tries.attempt("TIOCSTI") { Self.call(Self.ioctl, 0, 0x5412, 0) }
      tries.attempt("memfd_create") { Self.memoryFile() }
      tries.attempt("chroot") { chroot("/") }
      tries.attempt("no such call") { Self.call(4000, 0, 0, 0) }
      tries.attempt("socket") { socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0) }
    }
    for (what, error) in results { #expect(error == EPERM, "\(what)") }
  }

  @Test func filesElsewhereAreOutOfReach() throws {
    let scratch = try Scratch()
    defer { scratch.remove() }
    let path = scratch.path
    mkdir("\(path)/readable", 0o700)
    for name in ["secret", "readable/file"] { try Files.write([], to: "\(path)/\(name)") }
    symlink("../secret", "\(path)/readable/link")
    let results = try confined("\(path)/readable") { tries in
      for (what, name) in [
        ("a file below", "\(path)/readable/file"), ("the directory", "\(path)/readable"),
        ("null", "/dev/null"),
      ] {
        tries.attempt(what) { close(open(name, O_RDONLY)) }
      }
      for (what, name) in [
        ("beside", "\(path)/secret"), ("by a link", "\(path)/readable/link"), ("above", path),
        ("by a step up", "\(path)/readable/../secret"), ("of the system", "/etc/passwd"),
        ("device", "/dev/zero"),
        ("own environment", "/proc/self/environ"), ("by the root", "/proc/self/root\(path)/secret"),
      ] {
        tries.attempt(what) { open(name, O_RDONLY) < 0 ? -1 : 0 }
      }
    }
    for (what, error) in results[..<3] { #expect(error == 0, "\(what)") }
    for (what, error) in results[3...] { #expect(error == (Landlock.isThere ? EACCES : 0), "\(what)") }
  }

  @Test func whatServingNeedsIsLeft() throws {
    let results = try confined { tries in
      tries.attempt("read") { close(open("/proc/self/status", O_RDONLY)) }
      tries.attempt("duplicate") { close(fcntl(0, F_DUPFD_CLOEXEC, 3)) }
      tries.attempt("own limits") { Self.limit(of: 0) }
      tries.attempt("thread") {
        Thread {}.join()
        return 0
      }
      tries.attempt("loop") {
        var loop: OpaquePointer?
        let status = jc_loop_new(&loop)
        jc_loop_free(loop)
        return -status
      }
    }
    for (what, error) in results { #expect(error == 0, "\(what)") }
  }
}

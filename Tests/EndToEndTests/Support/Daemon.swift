import Glibc
import Testing

/// Where the built programs are: beside the test bundle.
enum Programs {
  static let directory: String = {
    var path = Array(repeating: CChar(0), count: 4096)
    let count = readlink("/proc/self/exe", &path, path.count - 1)
    let own = String(decoding: path.prefix(max(0, count)).map(UInt8.init(bitPattern:)), as: UTF8.self)
    return String(own[..<(own.lastIndex(of: "/") ?? own.endIndex)])
  }()

  static var jobd: String { "\(directory)/jobd" }
  static var jobctl: String { "\(directory)/jobctl" }
}

/// Certificates of a test run: made once, by jobctl, for all tests.
struct Pki: Sendable {
  let directory: String

  static let shared = Result { try Pki() }

  private init() throws {
    let scratch = try Scratch()
    directory = scratch.path
    try make(scratch, "ca", "init", "--dir", directory)
    try make(scratch, "ca", "server", "--dir", directory, "--host", "localhost", "--host", "127.0.0.1")
    for client in ["alice", "bob"] { try make(scratch, "ca", "client", "--dir", directory, client) }
    // Another authority, with a client of the same name.
    let other = "\(directory)/other"
    try make(scratch, "ca", "init", "--dir", other)
    try make(scratch, "ca", "client", "--dir", other, "alice")
  }

  private func make(_ scratch: Scratch, _ arguments: String...) throws {
    let made = try Running(Programs.jobctl, arguments, directory: scratch).wait()
    try #require(made.status == 0, "\(made.errorText)")
  }
}

/// A running jobd with a state directory of its own.
final class Daemon {
  let scratch: Scratch
  let pki: Pki
  let state: String
  private var process: Running
  private var program = Programs.jobd
  private(set) var port: Int
  /// Processes that ran below a daemon that was killed.
  private var orphans: [pid_t] = []

  /// Runs `body` with a daemon that is stopped, and whose files are removed, afterwards.
  static func with(
    _ options: [String] = [], limits: [String] = [], copiesBinary: Bool = false,
    _ body: (Daemon) throws -> Void
  ) throws {
    let daemon = try Daemon(options, limits: limits, copiesBinary: copiesBinary)
    defer { daemon.scratch.remove() }
    defer { daemon.end() }
    do {
      try body(daemon)
    } catch {
      Issue.record("\(error); the daemon's log:\n\(daemon.log)")
    }
  }

  /// `limits`: arguments of prlimit(1) to start the daemon under.
  /// `copiesBinary`: run a copy of jobd in the scratch directory, which a test may replace.
  private init(_ options: [String], limits: [String], copiesBinary: Bool) throws {
    scratch = try Scratch()
    if copiesBinary {
      program = "\(scratch.path)/jobd"
      try Files.write(Files.read(Programs.jobd), to: program, mode: 0o755)
    }
    pki = try Pki.shared.get()
    state = "\(scratch.path)/state"
    (process, port) = try Self.start(program, options, limits, scratch, pki, state)
  }

  private static func start(
    _ program: String, _ options: [String], _ limits: [String], _ scratch: Scratch, _ pki: Pki,
    _ state: String
  ) throws -> (Running, Int) {
    let arguments =
      [
        "--listen", "127.0.0.1:0", "--state-directory", state, "--certificate-file",
        "\(pki.directory)/server.crt",
        "--key-file", "\(pki.directory)/server.key", "--client-ca-file", "\(pki.directory)/ca.crt",
        "--config",
        "\(scratch.path)/jobd.json5",
      ] + options
    // Whatever the machine's own configuration is.
    try Files.write(Array("{}".utf8), to: "\(scratch.path)/jobd.json5")
    let process =
      limits.isEmpty
      ? try Running(program, arguments, directory: scratch)
      : try Running("prlimit", limits + [program] + arguments, directory: scratch)
    var port: Int?
    try Poll.until("the daemon to listen") {
      port = process.errorText.split(separator: "\n").last { $0.contains("event=listening") }
        .flatMap { Int($0.split(separator: ":").last!) }
      if process.hasEnded { throw Poll.TimeIsUp(description: "the daemon ended: \(process.errorText)") }
      return port != nil
    }
    return (process, port!)
  }

  var pid: pid_t { process.pid }
  var log: String { process.errorText }

  /// The api process that serves now.
  var apiPid: pid_t {
    let line = log.split(separator: "\n").last { $0.contains("event=api_started") }
    return line.flatMap { pid_t($0.split(separator: "=").last!) } ?? 0
  }

  func signal(_ number: Int32) { process.signal(number) }

  /// As a crash does: its jobs are left behind.
  func kill() {
    orphans += Processes.descendants(process.pid)
    process.signal(SIGKILL)
    _ = try? process.wait()
  }

  /// Ends it and all of its jobs, whatever state they are in. Each TERM after the first makes it hurry.
  private func end() {
    do {
      try Poll.until("the daemon's end", seconds: 20) {
        process.signal(SIGTERM)
        return process.hasEnded
      }
    } catch {
      kill()
    }
    for pid in orphans where Processes.isOfJob(pid) { Glibc.kill(pid, SIGKILL) }
  }

  /// SIGTERM and the end.
  func stop() throws -> Finished {
    process.signal(SIGTERM)
    return try process.wait()
  }

  /// Starts it again on the same state, after it ended.
  func start(_ options: [String] = []) throws {
    (process, port) = try Self.start(program, options, [], scratch, pki, state)
  }

  /// Another one on the same state: throws what kept it from starting.
  func startAnother() throws {
    let (other, _) = try Self.start(program, [], [], scratch, pki, state)
    other.signal(SIGKILL)
    _ = try other.wait()
  }

  func waitForLog(_ text: String) throws { try Poll.until("\"\(text)\" in the log") { log.contains(text) } }
}

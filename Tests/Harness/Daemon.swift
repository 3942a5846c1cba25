import Glibc

/// A running jobd with a state directory of its own.
package final class Daemon {
  package let scratch: Scratch
  package let pki: Pki
  package let state: String
  private var process: Running
  /// The file of the daemon's program.
  package let program: String
  package private(set) var port: Int
  /// Processes that ran below a daemon that was killed.
  private var orphans: [pid_t] = []

  /// `under`: a program, with arguments, that runs the daemon in its own place.
  /// `copiesBinary`: run a copy of jobd in the scratch directory, which a test may replace.
  /// `state`: where it keeps its state; a directory of its own when nil. `port`: the one to listen at; 0: any.
  package init(
    _ options: [String] = [], under: [String] = [], environment: [String: String] = [:],
    copiesBinary: Bool = false, state: String? = nil, port: Int = 0
  ) throws {
    scratch = try Scratch()
    program = copiesBinary ? "\(scratch.path)/jobd" : Programs.jobd
    if copiesBinary { try Files.write(Files.read(Programs.jobd), to: program, mode: 0o755) }
    pki = try Pki.shared.get()
    self.state = state ?? "\(scratch.path)/state"
    // Whatever the machine's own configuration is.
    try Files.write(Array("{}".utf8), to: "\(scratch.path)/jobd.json5")
    let command = under + [program] + Self.arguments(pki, self.state, scratch, port: port) + options
    process = try Running(command[0], Array(command[1...]), environment: environment, directory: scratch)
    self.port = try Self.waitUntilListening(process)
  }

  private static func arguments(_ pki: Pki, _ state: String, _ scratch: Scratch, port: Int) -> [String] {
    [
      "--listen", "127.0.0.1:\(port)", "--state-directory", state, "--certificate-file",
      "\(pki.directory)/server.crt", "--key-file", "\(pki.directory)/server.key", "--client-ca-file",
      "\(pki.directory)/ca.crt", "--config", "\(scratch.path)/jobd.json5",
    ]
  }

  private static func waitUntilListening(_ process: Running) throws -> Int {
    var port: Int?
    try Poll.until("the daemon to listen") {
      port = process.errorText.split(separator: "\n").last { $0.contains("event=listening") }
        .flatMap { Int($0.split(separator: ":").last!) }
      if process.hasEnded { throw Poll.TimeIsUp(description: "the daemon ended: \(process.errorText)") }
      return port != nil
    }
    return port!
  }

  package var pid: pid_t { process.pid }
  package var log: String { process.errorText }
  package var hasEnded: Bool { process.hasEnded }

  /// The api process that serves now.
  package var apiPid: pid_t {
    let line = log.split(separator: "\n").last { $0.contains("event=api_started") }
    return line.flatMap { pid_t($0.split(separator: "=").last!) } ?? 0
  }

  package func signal(_ number: Int32) { process.signal(number) }

  /// As a crash does: its jobs are left behind.
  package func kill() {
    orphans += Processes.descendants(process.pid)
    process.signal(SIGKILL)
    _ = try? process.wait()
  }

  /// Ends it and all of its jobs, whatever state they are in. Each TERM after the first makes it hurry.
  package func end() {
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
  package func stop() throws -> Finished {
    process.signal(SIGTERM)
    return try process.wait()
  }

  /// Starts it again on the same state, after it ended. `port`: the one to listen at; 0: any.
  package func start(
    _ options: [String] = [], environment: [String: String] = [:], port: Int = 0
  ) throws {
    process = try Running(
      program, Self.arguments(pki, state, scratch, port: port) + options, environment: environment,
      directory: scratch)
    self.port = try Self.waitUntilListening(process)
  }

  /// Another one on the same state that is expected to refuse: its end.
  package func startAnother() throws -> Finished {
    let other = try Running(
      program, Self.arguments(pki, state, scratch, port: 0), directory: scratch)
    do {
      try Poll.until("the other daemon's end", seconds: 20) {
        other.hasEnded || other.errorText.contains("event=listening")
      }
    } catch {
      other.signal(SIGKILL)
    }
    other.signal(SIGTERM)
    return try other.wait()
  }

  package func waitForLog(_ text: String) throws {
    try Poll.until("\"\(text)\" in the log") { log.contains(text) }
  }
}

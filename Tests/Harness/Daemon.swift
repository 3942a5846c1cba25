import Glibc

/// A running jobd with a state directory of its own: keeper, supervisor and api process.
package final class Daemon {
  package let scratch: Scratch
  package let pki: Pki
  package let state: String
  private var process: Running
  /// The file of the daemon's program.
  package let program: String
  package private(set) var port: Int
  private let options: [String]
  /// Processes that ran below a daemon that was killed.
  private var orphans: [pid_t] = []
  /// Nobody has cleared away what it left.
  private var isKilled = false

  /// `under`: a program, with arguments, that runs the daemon in its own place.
  /// `copiesBinary`: run copies of jobd and jobd-keeper in the scratch directory, which a test may replace.
  /// `configuration`: its file. `state`: where it keeps its state; a directory of its own when nil. `port`: the one to listen at; 0: any.
  package init(
    _ options: [String] = [], under: [String] = [], environment: [String: String] = [:],
    copiesBinary: Bool = false, state: String? = nil, port: Int = 0, configuration: String = "{}"
  ) throws {
    scratch = try Scratch()
    program = copiesBinary ? "\(scratch.path)/jobd" : Programs.jobd
    if copiesBinary {
      try Programs.install(Programs.jobd, at: program, scratch)
      try Programs.install(Programs.keeper, at: "\(scratch.path)/jobd-keeper", scratch)
    }
    pki = try Pki.shared.get()
    self.state = state ?? "\(scratch.path)/state"
    // Whatever the machine's own configuration is.
    try Files.write(Array(configuration.utf8), to: "\(scratch.path)/jobd.json5")
    let command = under + [program] + Self.arguments(pki, self.state, scratch, port: port) + options
    process = try Running(command[0], Array(command[1...]), environment: environment, directory: scratch)
    self.options = options
    self.port = try Self.waitUntilListening(process)
  }

  private static func arguments(_ pki: Pki, _ state: String, _ scratch: Scratch, port: Int) -> [String] {
    // Not nobody, which jobs of tests run as: no job runs as the user of the api process.
    ["--listen", "127.0.0.1:\(port)", "--state-directory", state, "--config", "\(scratch.path)/jobd.json5"]
      + pki.serverOptions + (geteuid() == 0 ? ["--user", "backup"] : [])
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

  /// Of the process that was started, which became the keeper.
  package var keeperPid: pid_t { process.pid }
  /// Of the supervisor; 0: none lives.
  package var pid: pid_t { Processes.children(keeperPid).first(where: Processes.isSupervisor) ?? 0 }
  package var log: String { process.errorText }
  package var hasEnded: Bool { process.hasEnded }

  /// The api process that serves now.
  package var apiPid: pid_t {
    let line = log.split(separator: "\n").last { $0.contains("event=api_started") }
    return line.flatMap { pid_t($0.split(separator: "=").last!) } ?? 0
  }

  /// What its configuration file says from now on.
  package func configure(_ text: String) throws {
    try Files.write(Array(text.utf8), to: "\(scratch.path)/jobd.json5")
  }

  package func signal(_ number: Int32) { process.signal(number) }

  /// As a crash of the machine does to both: the supervisor is killed, and nobody is left to start another. Its jobs are
  /// left behind.
  package func kill() {
    isKilled = true
    process.signal(SIGSTOP)
    let supervisor = pid
    orphans += Processes.descendants(supervisor) + Processes.descendants(keeperPid)
    if supervisor > 0 { Glibc.kill(supervisor, SIGKILL) }
    process.signal(SIGKILL)
    _ = try? process.wait()
    // Until the last of them is gone the state directory is locked.
    try? Poll.until("the end of a supervisor") { supervisor == 0 || !Processes.isAlive(supervisor) }
  }

  /// How often a supervisor began to serve.
  package var timesListening: Int { log.split(separator: "\n").count { $0.contains("event=listening") } }

  /// Kills the supervisor, and waits until the next one serves. `meanwhile` is done before it is started.
  package func killSupervisor(_ meanwhile: () throws -> Void = {}) throws {
    let (killed, before) = (pid, timesListening)
    process.signal(SIGSTOP)
    defer { process.signal(SIGCONT) }
    Glibc.kill(killed, SIGKILL)
    try Poll.until("the supervisor's end") { !Processes.isAlive(killed) }
    try meanwhile()
    process.signal(SIGCONT)
    try Poll.until("another supervisor to serve") { timesListening > before }
  }

  /// What `jobd status`, `upgrade` or `reload` says of the daemon, with its exit status.
  package func control(_ request: String) throws -> Finished { try startControl(request).wait() }

  package func startControl(_ request: String) throws -> Running {
    try Running(
      Programs.jobd, [request] + Self.arguments(pki, state, scratch, port: 0) + options, directory: scratch)
  }

  /// Jobs whose descriptors the keeper holds.
  package var held: Int {
    get throws {
      let line = try control("status").text.split(separator: "\n").first { $0.hasPrefix("jobs: ") }
      let words = line?.split(separator: " ") ?? []
      return words.firstIndex(of: "held").flatMap { Int(words[$0 - 1]) } ?? -1
    }
  }

  /// Waits until so many jobs would survive the supervisor.
  package func waitUntilHeld(_ count: Int) throws {
    try Poll.until("\(count) jobs to be held") { try held == count }
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
    if isKilled { _ = try? control("cleanup") }
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
    isKilled = false
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

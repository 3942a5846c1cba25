import CJobEngine
import Glibc
import JobAPI
import JobEngine
import JobModel
import Platform

/// Runs the commands of runners that are not the job itself: as the job's user, with the runner's environment, a few at a
/// time, of which the clients take turns. Supervisor's thread only.
final class RunnerCommands {
  enum Kind: String {
    case signal, cleanup, cleaned
  }

  struct Failure: Error { let text: String }
  /// What it wrote to standard output, or what went wrong, in words. Nil: the runner has no such command.
  typealias Outcome = Result<String?, Failure>

  private struct Request {
    let kind: Kind
    let target: RunnerTarget
    let signal: Int32?
    let then: (Outcome) -> Void
  }

  private unowned let supervisor: Supervisor
  /// A signal is part of a stop whose grace runs: it waits for no cleanup.
  private var signals = RunnerLane<Request>()
  private var others = RunnerLane<Request>()
  private var running: [JobID: RunnerCommand] = [:]
  private var isBeginning = false

  /// Milliseconds.
  static let timeLimit: Int64 = 10_000

  init(_ supervisor: Supervisor) { self.supervisor = supervisor }

  /// `then` is called once, perhaps at once.
  func run(
    _ kind: Kind, of target: RunnerTarget, signal: Int32? = nil, then: @escaping (Outcome) -> Void
  ) {
    let request = Request(kind: kind, target: target, signal: signal, then: then)
    self[keyPath: Self.lane(kind)].append(request, of: target.client)
    beginNext()
  }

  private static func lane(_ kind: Kind) -> ReferenceWritableKeyPath<RunnerCommands, RunnerLane<Request>> {
    kind == .signal ? \.signals : \.others
  }

  /// Those that run, and the daemon does not wait for.
  func kill() {
    for command in running.values { command.kill() }
  }

  private func beginNext() {
    guard !isBeginning else { return }
    isBeginning = true
    defer { isBeginning = false }
    while let request = signals.next() ?? others.next() { begin(request) }
  }

  private func begin(_ request: Request) {
    let name = request.target.plan.runner ?? ""
    guard let runner = supervisor.configuration.runners[name] else {
      let text = "the runner \"\(name)\" is not in the configuration any more"
      return end(request, .failure(Failure(text: text)))
    }
    let command = runner.command(request.kind)
    guard !command.isEmpty else {
      // Whoever has none is not asked, unless it was taken away meanwhile.
      let none = Failure(text: "the runner \"\(name)\" has no command for signals any more")
      return end(request, request.kind == .signal ? .failure(none) : .success(nil))
    }
    supervisor.accounts.find(request.target.plan) { [self] answer in
      switch answer {
      case .success(let found): start(request, runner, command, as: found?.identity)
      case .failure(let refusal): end(request, .failure(Failure(text: refusal.text)))
      }
    }
  }

  private func start(
    _ request: Request, _ runner: Runner, _ command: CommandTemplate, as identity: JobIdentity?
  ) {
    let values = RunnerValues(
      request.target, supervisor.clients[request.target.client] ?? "", signal: request.signal)
    let words = command.words(values.text)
    do {
      // A name of its own: what ends a job's processes finds them by the job's.
      let id = JobID(microseconds: Clock.microseconds(), random: UInt64.random(in: 0...UInt64.max))
      running[id] = try RunnerCommand(id, words, runner, as: identity, in: supervisor.engine) {
        [self] result in
        running[id] = nil
        end(request, result.mapError { Failure(text: "\(request.kind): \(words[0]): \($0.text)") })
      }
    } catch {
      end(request, .failure(Failure(text: "\(request.kind): \(words[0]): \(error)")))
    }
  }

  private func end(_ request: Request, _ outcome: Outcome) {
    self[keyPath: Self.lane(request.kind)].ended(of: request.target.client)
    request.then(outcome)
    beginNext()
  }
}

/// Requests of which a few are carried out at a time, and of one client fewer, since each may take its whole time.
private struct RunnerLane<Request> {
  private var waiting = FairQueue<Request>()
  private var begun: [Int64: Int] = [:]
  private var total = 0

  private static var most: Int { 16 }
  private static var mostOfClient: Int { 8 }

  mutating func append(_ request: Request, of client: Int64) { waiting.append(request, of: client) }

  mutating func next() -> Request? {
    guard total < Self.most else { return nil }
    var chosen: Int64?
    let request = waiting.popFirst(passingOver: { client in
      chosen = client
      return begun[client, default: 0] >= Self.mostOfClient
    })
    guard let request, let chosen else { return nil }
    begun[chosen, default: 0] += 1
    total += 1
    return request
  }

  mutating func ended(of client: Int64) {
    let left = begun[client, default: 1] - 1
    begun[client] = left > 0 ? left : nil
    total -= 1
  }
}

/// A command that runs, on the engine that jobs run on: its whole tree ends with it, or with its time.
private final class RunnerCommand: RunningJobDelegate {
  private var job: RunningJob?
  private let then: (RunnerCommands.Outcome) -> Void
  private var isFull = false

  private static let mostOutput: UInt64 = 64 << 10

  init(
    _ id: JobID, _ words: [String], _ runner: Runner, as identity: JobIdentity?, in engine: JobEngine,
    then: @escaping (RunnerCommands.Outcome) -> Void
  ) throws(SystemError) {
    self.then = then
    var request = runner.request(words)
    request.timeout = DurationText(milliseconds: RunnerCommands.timeLimit)
    request.grace = DurationText(milliseconds: 0)
    var launch = RunningJob.Launch(
      id, JobPlan(request), outputName: JobRecord.outputName(of: id), outputLimit: Self.mostOutput)
    launch.holdsOutput = true
    if let identity { launch.identity = identity }
    job = try RunningJob(engine, launch, delegate: self)
  }

  func kill() { job?.stop(grace: 0) }

  func jobStartWaits() {}
  func jobStarted(pid: pid_t, at: Int64) {}
  func jobOutput(stream: OutputStream, length: UInt64) {}
  func jobOutputFailed(stream: OutputStream, error: Int32) {}
  func jobInputReady(error: Int32) {}
  func jobGone() { job = nil }

  func jobOutputFull() {
    isFull = true
    job?.dropOutput()
  }

  func jobFinished(_ result: jc_job_result) {
    let outcome = outcome(of: result)
    // Of one that cannot be ended the engine keeps what it needs.
    if !result.left { job = nil }
    then(outcome)
  }

  private func outcome(of result: jc_job_result) -> RunnerCommands.Outcome {
    if result.error != 0 { return .failure(.init(text: JobRecord.startFailure(result))) }
    if result.timed_out {
      return .failure(.init(text: "it did not end within \(RunnerCommands.timeLimit / 1000) s"))
    }
    guard result.exit_code == 0 else {
      let how = result.signal != 0 ? "it ended by signal \(result.signal)" : "exit status \(result.exit_code)"
      let words = LastWords.text(job?.heldOutput(.stderr) ?? [])
      return .failure(.init(text: words.isEmpty ? how : "\(how): \(words)"))
    }
    guard !isFull else { return .failure(.init(text: "it wrote more than \(Self.mostOutput) bytes")) }
    return .success(String(decoding: job?.heldOutput(.stdout) ?? [], as: UTF8.self))
  }
}

extension Runner {
  /// For a program with arguments, in the runner's environment.
  func request(_ words: [String]) -> CreateRequest {
    var request = CreateRequest(cmd: words[0], args: Array(words.dropFirst()))
    request.env = environment
    return request
  }

  fileprivate func command(_ kind: RunnerCommands.Kind) -> CommandTemplate {
    switch kind {
    case .signal: signal
    case .cleanup: cleanup
    case .cleaned: cleaned
    }
  }
}

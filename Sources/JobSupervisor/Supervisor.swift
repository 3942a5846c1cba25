import CJobEngine
import Glibc
import JobAPI
import JobEngine
import JobLoop
import JobModel
import JobStore
import Platform

/// The process that owns the jobs: it launches, drains and reaps them, is the only writer of the store, and keeps an
/// api process running. It never reads from the network. What becomes of the jobs is said by the ``JobBook``; this
/// carries it out.
///
/// Everything happens on the thread that calls ``run()``, but the store's writer thread and the engine's launchers,
/// which both hand their results to its loop.
package final class Supervisor: @unchecked Sendable {
  // Sendable so that the store's thread can post to the loop; all state is touched on the loop's thread alone.
  let configuration: Configuration
  let log: Log
  let loop: EventLoop
  let directory: StateDirectory
  let counts: SupervisorCounts
  /// Who started this daemon, and what it holds for it.
  let manager: ServiceManager
  let descriptorStore: DescriptorStore
  private(set) var cgroup: JobCgroup?
  private(set) var engine: JobEngine!
  private(set) var store: Store!
  private(set) var keeper: ApiKeeper!
  private(set) var expiry: Expiry!

  private(set) var book: JobBook
  /// What the book said and is not done yet.
  private var effects: [JobBook.Effect] = []
  private var isPerforming = false
  /// The jobs of the book that have, or are to have, a process.
  var live: [JobID: LiveJob] = [:]
  var progress = ProgressNotifier()
  /// Names of clients that were seen, by their number in the store.
  var clients: [Int64: String] = [:]

  private var timer: LoopTimer!
  /// When the timer fires, on the monotonic clock.
  private var timerDue: Int64?
  private var signals: [LoopWatcher] = []
  var shutdown: ShutdownLifecycle?
  private(set) var shutdownTimer: LoopTimer!
  var upgrade: Upgrade?
  /// What an upgrade starts: the program's file and the arguments it was started with.
  let binary: String
  let arguments: [String]
  let jobDescriptors: UInt64
  private let handed: Handover?
  private var inheritance = Inheritance()
  private(set) var failure: DaemonError?

  /// Opens the state directory and binds the listeners. `jobDescriptors`: soft limit of open files of jobs; 0: this
  /// process's own. `arguments`: to start a successor with. `service`: who started this daemon, with what. `handed`:
  /// what the predecessor in this process left. Throws ``DaemonError`` in words for the operator.
  package init(
    _ configuration: Configuration, log: Log, jobDescriptors: UInt64, arguments: [String],
    service: ServiceEnvironment, handed: Handover?
  ) throws {
    (self.configuration, self.log, self.arguments, self.handed) = (configuration, log, arguments, handed)
    self.jobDescriptors = handed?.jobDescriptors ?? jobDescriptors
    binary = try ProgramFile.path()
    book = JobBook(configuration)
    loop = try EventLoop()
    counts = try SupervisorCounts(workers: configuration.workers, handed: handed?.counts)
    let account = try configuration.apiAccount()
    // First of all: a daemon that is refused has touched nothing of the other's, neither files nor cgroups.
    directory = try StateDirectory(
      path: configuration.stateDirectory, group: account?.group, handed: handed?.lock)
    manager = try ServiceManager(loop, service.notifySocket, log: log)
    descriptorStore = try DescriptorStore(loop, manager, log: log)
    try openStore()
    inheritance = try Inheritance(service.descriptors, store)
    cgroup =
      if let handed { JobCgroup(handed: handed.cgroup) } else {
        try JobCgroup(configuration, log, sparing: inheritance.cgroups)
      }
    engine = try makeEngine()
    keeper = try ApiKeeper(
      self, try Listeners(configuration, handed, afterCrash: !store.wasClosed),
      mayGiveUp: handed == nil && inheritance.jobs.isEmpty)
    expiry = try Expiry(
      loop, configuration.retention, log: log, store: { [unowned self] in self.store },
      delete: { [unowned self] in self.handle(.delete($0.id, client: $0.client, nil)) })
    timer = try LoopTimer(loop) { [unowned self] in self.timerFired() }
    shutdownTimer = try LoopTimer(loop) { [unowned self] in self.advanceShutdown(.timeIsUp) }
  }

  func openStore() throws {
    store = try Store(path: directory.path, group: directory.group) { [unowned self] outcomes in
      self.loop.post { self.stored(outcomes) }
    }
  }

  private func makeEngine() throws -> JobEngine {
    let options = jc_engine_options(
      launchers: UInt32(configuration.launchers), cgroup_parent: nil, output_dir: directory.output,
      output_mode: StateDirectory.fileMode, job_descriptors: jobDescriptors, subreaper: true)
    return try JobEngine(loop, options, cgroup: cgroup?.path)
  }

  /// Serves until SIGTERM or SIGINT, then stops in order.
  package func run() throws {
    signals = [
      try LoopWatcher(loop, signal: SIGTERM) { [unowned self] in self.stopAsked("SIGTERM") },
      try LoopWatcher(loop, signal: SIGINT) { [unowned self] in self.stopAsked("SIGINT") },
      try LoopWatcher(loop, signal: SIGHUP) { [unowned self] in self.keeper.replace() },
      try LoopWatcher(loop, signal: SIGUSR2) { [unowned self] in self.upgradeAsked() },
    ]
    Signals.unblock()
    loop.afterRound { [unowned self] in self.progress.notify() }
    for (number, name) in store.clients() { clients[number] = name }
    if let handed { adopt(handed) } else { adopt(inheritance) }
    inheritance = Inheritance()
    try recoverLostJobs()
    try removeOrphanFiles()
    try loop.run()
    store.close()
    cgroup?.release()
    if let failure { throw failure }
    log.info("stopped")
  }

  /// Ends ``run()`` because going on makes no sense.
  func fail(_ error: DaemonError) {
    failure = error
    stopAsked(nil)
  }

  /// Ends ``run()`` at once, as if the supervisor had been killed: without a store nothing can be saved any more.
  func giveUp(_ error: DaemonError) {
    failure = error
    loop.stop()
  }

  /// Tells the book what happened, and does what it says. What happens while something is done is told the book at once,
  /// and done afterwards: effects are carried out in the order in which they came, however many follow from each other.
  func handle(_ event: JobBook.Event, at now: JobBook.Instant = .now) {
    effects += book.handle(event, at: now)
    guard !isPerforming else { return }
    isPerforming = true
    var done = 0
    while done < effects.count {
      perform(effects[done])
      done += 1
    }
    effects.removeAll(keepingCapacity: done < 256)
    isPerforming = false
    counts.set(.running, UInt64(book.running))
    startTimer(at: now)
  }

  private func startTimer(at now: JobBook.Instant) {
    guard let due = book.nextDeadline, due != timerDue else { return }
    timerDue = due
    // Rounded up, so that the time has come when the timer fires.
    timer.start(milliseconds: UInt64(max(0, due - now.monotonic + 999) / 1000))
  }

  private func timerFired() {
    timerDue = nil
    handle(.timePassed)
  }
}

extension JobBook.Instant {
  static var now: JobBook.Instant {
    JobBook.Instant(wall: Clock.microseconds(), monotonic: Clock.monotonic())
  }
}

/// The file of the running program.
enum ProgramFile {
  static func path() throws(SystemError) -> String {
    var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = buffer.withUnsafeMutableBytes { readlink("/proc/self/exe", $0.baseAddress!, $0.count) }
    guard count > 0 else { throw SystemError(errno, "find this program's file") }
    return String(decoding: buffer[0..<count], as: UTF8.self)
  }
}

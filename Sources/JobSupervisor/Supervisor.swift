import Glibc
import JobAPI
import JobEngine
import JobLoop
import JobModel
import JobStore
import Platform

/// The process that owns the jobs: it launches, drains and reaps them, is the only writer of the store, and keeps an
/// api process running. It never reads from the network.
///
/// Everything happens on the thread that calls ``run()``, but the store's writer thread and the engine's launchers,
/// which both hand their results to its loop.
package final class Supervisor: @unchecked Sendable {
  // Sendable so that the store's thread can post to the loop; all state is touched on the loop's thread alone.
  let configuration: Configuration
  let log: Log
  let loop: EventLoop
  let directory: StateDirectory
  private(set) var cgroup: JobCgroup?
  /// Who started this daemon, and what it holds for it.
  let manager: ServiceManager
  private(set) var deposits: Deposits!
  private(set) var engine: JobEngine!
  private(set) var store: Store!
  private(set) var keeper: ApiKeeper!

  let counts: SupervisorCounts

  /// Jobs whose result is not on disk yet.
  var jobs: [JobID: LiveJob] = [:] {
    didSet { counts.set(.running, UInt64(jobs.count)) }
  }
  /// Names of clients that were seen, by their number in the store.
  var clients: [Int64: String] = [:]
  /// Jobs of an earlier daemon whose end is on its way to the disk.
  var recoveriesLeft = 0
  var limits: ClientLimits
  var launches: LaunchQueue
  private(set) var housekeeping: Housekeeping!
  /// Deletions of finished jobs on their way to the disk.
  var removals: [JobID: Removal] = [:]
  var changes = PendingChanges()
  var progress = ProgressTeller()
  /// Results that could not be saved and are tried again.
  var unsaved: [LiveJob] = []
  private var unsavedRecoveries: [JobRecord] = []
  private var retryTimer: LoopTimer!
  private var signals: [LoopSignal] = []
  var shutdown: Shutdown?
  var upgrade: Upgrade?
  let jobDescriptors: UInt64
  /// The program's file and the arguments it was started with: what an upgrade starts.
  let binary: String
  let arguments: [String]
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
    self.configuration = configuration
    self.log = log
    self.arguments = arguments
    self.handed = handed
    self.jobDescriptors = handed?.jobDescriptors ?? jobDescriptors
    binary = try ProgramFile.path()
    loop = try EventLoop()
    counts = try SupervisorCounts(workers: configuration.workers, handed: handed?.counts)
    limits = ClientLimits(configuration)
    launches = LaunchQueue(launchers: configuration.launchers)
    let account = try configuration.apiAccount()
    // First of all: a daemon that is refused has touched nothing of the other's, neither files nor cgroups.
    directory = try StateDirectory(
      path: configuration.stateDirectory, group: account?.group, handed: handed?.lock)
    manager = try ServiceManager(loop, service.notifySocket, log: log)
    deposits = try Deposits(loop, manager, log: log)
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
    housekeeping = try Housekeeping(self)
    retryTimer = try LoopTimer(loop) { [unowned self] in self.saveAgain() }
  }

  func openStore() throws {
    store = try Store(path: directory.path, group: directory.group) { [unowned self] outcomes in
      self.loop.post { self.changesCompleted(outcomes) }
    }
  }

  private func makeEngine() throws -> JobEngine {
    var options = JobEngine.Options(outputDirectory: directory.output)
    options.launchers = UInt32(configuration.launchers)
    options.cgroupParent = cgroup?.path
    options.outputMode = StateDirectory.fileMode
    options.subreaper = true
    options.jobDescriptors = jobDescriptors
    return try JobEngine(loop: loop, options: options)
  }

  /// Serves until SIGTERM or SIGINT, then stops in order.
  package func run() throws {
    signals = [
      try LoopSignal(loop, signal: SIGTERM) { [unowned self] in self.stopAsked("SIGTERM") },
      try LoopSignal(loop, signal: SIGINT) { [unowned self] in self.stopAsked("SIGINT") },
      try LoopSignal(loop, signal: SIGHUP) { [unowned self] in self.keeper.replace() },
      try LoopSignal(loop, signal: SIGUSR2) { [unowned self] in self.upgradeAsked() },
    ]
    Signals.unblock()
    loop.afterRound { [unowned self] in self.progress.tell() }
    if let handed { try adopt(handed) } else { adopt(inheritance) }
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

  func saveLater(_ job: LiveJob) {
    unsaved.append(job)
    retryTimer.start(milliseconds: 1000)
  }

  func saveLater(_ recovered: JobRecord) {
    unsavedRecoveries.append(recovered)
    retryTimer.start(milliseconds: 1000)
  }

  private func saveAgain() {
    let (jobs, records) = (unsaved, unsavedRecoveries)
    (unsaved, unsavedRecoveries) = ([], [])
    for job in jobs { saveResult(of: job) }
    for record in records { saveRecovered(record) }
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

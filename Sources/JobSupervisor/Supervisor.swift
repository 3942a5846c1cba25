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
  private(set) var configuration: Configuration
  let log: Log
  let loop: EventLoop
  let directory: StateDirectory
  let counts: SupervisorCounts
  /// Who the api process is; nil: as this process.
  let apiAccount: Account?
  /// Who started this process, and what it holds for it.
  let keeper: Keeper
  let heldJobs: HeldJobs
  private(set) var cgroup: JobCgroup?
  let hostLimits: HostLimits
  private(set) var engine: JobEngine!
  private(set) var store: Store!
  private(set) var apis: ApiProcesses!
  private(set) var expiry: Expiry!
  private(set) var usages: UsageAnswers!
  private(set) var runnerCommands: RunnerCommands!
  private(set) var cleanups: RunnerCleanups!
  /// Nil: there is none.
  private(set) var audit: AuditTrail?

  private(set) var book: JobBook
  let inputMemory: InputMemory
  let secretsKey: SecretsKey
  /// What the book said and is not done yet.
  private var effects: [JobBook.Effect] = []
  private var isPerforming = false
  /// The jobs of the book that have, or are to have, a process.
  var live: [JobID: LiveJob] = [:]
  let accounts: Accounts
  var progress = ProgressNotifier()
  var creations = CreationTurns()
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
  var inheritance: Inheritance
  /// The store was not closed by whoever had it open before.
  let wasCrashed: Bool
  private var control: ControlSocket!
  private var watch: Watch!
  private(set) var certificates: CertificateWatch!
  private var keeperGone: LoopWatcher?
  var isKept: Bool { keeperGone != nil }
  private(set) var failure: DaemonError?

  /// Milliseconds that a predecessor may take to vanish once it has ended.
  private static let patience = 5000
  /// Milliseconds that opening and closing the store may take, and bringing its tables to a new version.
  static let longTime: UInt64 = 600_000
  private static let migrationTime: UInt64 = 3_600_000

  /// Opens the state directory, binds the listeners and takes over what the keeper holds. `arguments`: to try a new
  /// binary with. The database is opened last: before that, nothing keeps an earlier binary from going on.
  /// Throws ``DaemonError`` in words for the operator.
  package init(_ configuration: Configuration, log: Log, arguments: [String]) throws {
    (self.configuration, self.log, self.arguments) = (configuration, log, arguments)
    // As the keeper was told: the file that it starts, whatever became of this process's.
    binary = Arguments.name
    book = JobBook(configuration)
    inputMemory = InputMemory(configuration)
    secretsKey = SecretsKey(configuration.secretsKeyFile, log: log)
    keeper = try Keeper()
    let (pid, state) = ("\(getpid())", configuration.stateDirectory)
    log.info("starting", ["version": Version.text, "pid": pid, "state": state])
    loop = try EventLoop()
    accounts = Accounts(loop)
    apiAccount = try configuration.apiAccount()
    try Self.checkApiUser(configuration, log)
    // First of all: a daemon that is refused has touched nothing of the other's, neither files nor cgroups.
    directory = try StateDirectory(
      path: configuration.stateDirectory, group: apiAccount?.group,
      patience: keeper.cause == .start ? 0 : Self.patience)
    keeper.alive(within: Self.longTime)
    // What the jobs of a supervisor before have open comes above it.
    let places = DescriptorPlaces(launchers: configuration.launchers)
    inheritance = try Inheritance(keeper)
    if inheritance.usedRevocations { self.configuration.requireRevocations() }
    counts = try SupervisorCounts(workers: configuration.workers, held: inheritance.counts)
    heldJobs = try HeldJobs(loop, keeper, counts, log: log)
    wasCrashed = !Store.wasClosed(in: directory.path)
    let listeners = try Listeners(
      configuration, inheritance.listeners, keeper, patience: wasCrashed ? Self.patience : 0)
    cgroup = try JobCgroup(configuration, log, sparing: inheritance.cgroups)
    let noCgroup =
      configuration.cgroup ? "there is no cgroup v2 for jobs" : "the configuration has cgroup: false"
    hostLimits = cgroup?.limits ?? HostLimits(none: noCgroup)
    log.info("limits", hostLimits.fields)
    _ = consume places
    engine = try makeEngine()
    apis = try ApiProcesses(self, listeners)
    audit = try openAudit()
    timer = try LoopTimer(loop) { [unowned self] in self.timerFired() }
    shutdownTimer = try LoopTimer(loop) { [unowned self] in self.advanceShutdown(.timeIsUp) }
    control = try ControlSocket(loop, directory.path, held: inheritance.control, keeper) { [unowned self] in
      self.asked($0, by: $1)
    }
    watch = try Watch(self)
    certificates = try CertificateWatch(loop, log) { [unowned self] in self.apis.certificatesChanged() }
    usages = try UsageAnswers(
      loop,
      look: { [unowned self] in self.live[$0]?.usage() },
      answer: { [unowned self] in self.apis.answer($0, usage: $1) })
    runnerCommands = RunnerCommands(self)
    cleanups = try RunnerCleanups(loop, runnerCommands) { [unowned self] in self.happened($0, $1) }
    for (name, descriptor) in counts.held { try keeper.hold(descriptor, as: name) }
    store = try Store(
      path: directory.path, group: directory.group,
      willMigrate: { self.keeper.migrating(within: Self.migrationTime) },
      onCompleted: { [unowned self] outcomes in self.loop.post { self.stored(outcomes) } })
    expiry = try Expiry(
      loop, configuration.retention, log: log, store: store,
      delete: { [unowned self] in self.delete($0.id, $0.client, nil) })
  }

  /// What would keep a daemon from starting with this configuration.
  package static func check(_ configuration: Configuration) throws {
    let api = try configuration.apiAccount()
    for (place, settings) in [("client_users", configuration.client)] + configuration.entries {
      try check(settings.users ?? [], "\(place): users", api)
    }
    try configuration.auditPlace?.check()
    guard configuration.cgroup, let parent = configuration.cgroupParent else { return }
    guard access("\(parent)/cgroup.procs", W_OK) == 0 else {
      throw SystemError(errno, "use the cgroup \(parent)")
    }
  }

  private static func check(_ users: [String], _ place: String, _ api: Account?) throws(DaemonError) {
    for user in users {
      do {
        guard try Account(named: user).user != api?.user else {
          throw DaemonError("\(user) is the api process's user, as whom no job runs")
        }
      } catch {
        throw DaemonError("\(place): \(error)")
      }
    }
  }

  /// That it can listen where it is to, and nobody else does; `isServing`: but for itself, at another address.
  package static func checkListening(_ configuration: Configuration, isServing: Bool) throws(DaemonError) {
    guard isServing else { return try Listeners.requireFree(configuration, 0) }
    var port = configuration.listenPort
    close(try Listeners.bind(configuration.listenHost, &port))
  }

  /// Whoever else runs as nobody could read what the api process reads. Refused where a service manager starts it, which
  /// could make a user for it as well.
  package static func checkApiUser(_ configuration: Configuration, _ log: Log?) throws {
    guard geteuid() == 0, configuration.user == "nobody" else { return }
    let advice = "make a user of its own (useradd --system jobd), or name another with --user"
    log?.warn("api_user_nobody", ["advice": advice])
    guard getenv("NOTIFY_SOCKET") == nil else {
      throw DaemonError("the api process would run as nobody, as other programs do: \(advice)")
    }
  }

  private func makeEngine() throws -> JobEngine {
    let options = jc_engine_options(
      launchers: UInt32(configuration.launchers), cgroup_parent: nil, output_dir: directory.output,
      output_mode: StateDirectory.fileMode, is_daemon: true, launch_ms: JobEngine.launchTime,
      keeper: keeper.link)
    return try JobEngine(loop, options, cgroup: cgroup?.path)
  }

  /// Serves until SIGTERM or SIGINT, then stops in order.
  package func run() throws {
    signals = [
      try LoopWatcher(loop, signal: SIGTERM) { [unowned self] in self.stopAsked("SIGTERM") },
      try LoopWatcher(loop, signal: SIGINT) { [unowned self] in self.stopAsked("SIGINT") },
      try LoopWatcher(loop, signal: SIGHUP) { [unowned self] in self.reload(.signal) },
      try LoopWatcher(loop, signal: SIGUSR2) { [unowned self] in self.upgradeAsked() },
    ]
    keeperGone = try LoopWatcher(loop, descriptor: keeper.link) { [unowned self] in
      if self.keeper.isGone() { self.keeperDied() }
    }
    loop.afterRound { [unowned self] in
      self.takeCreations()
      self.progress.notify()
    }
    for (number, name) in store.clients() { clients[number] = name }
    if !configuration.clients.isEmpty { learnSettings(of: clients) }
    try adopt()
    Signals.unblock()
    try recoverLostJobs()
    try lookThroughFiles()
    try loop.run()
    keeper.alive(within: Self.longTime)
    store.close()
    audit?.close()
    runnerCommands.kill()
    cgroup?.release()
    if let failure { throw failure }
    log.info("stopped")
    keeper.leave(.end)
  }

  /// Nobody would hold the jobs, or start another: they are ended in order, and their results saved.
  private func keeperDied() {
    keeperGone = nil
    log.error("keeper_died")
    failure = DaemonError("the keeper died: the jobs were ended, and their results saved")
    stopAsked(nil)
  }

  /// Ends ``run()`` because going on makes no sense. A successor ends itself alone: the keeper goes back to the binary
  /// before, and its jobs go on.
  func fail(_ error: DaemonError) {
    guard keeper.cause != .upgrade || apis.hasServed else {
      log.error("not_ready", ["error": "\(error)"])
      _exit(1)
    }
    failure = error
    stopAsked(nil)
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
    counts.set(.queued, UInt64(book.waiting.count))
    startTimer(at: now)
  }

  /// The configuration with the maps of clients and runners that its file has now.
  func reread() throws(ConfigurationError) -> Configuration {
    let file = try configurationNow()
    var fresh = configuration
    (fresh.clients, fresh.runners) = (file.clients, file.runners)
    return fresh
  }

  /// What a start would find now.
  func configurationNow() throws(ConfigurationError) -> Configuration {
    try ConfigurationLoader(arguments: arguments, environment: Environment.all).configuration
  }

  /// Its maps hold from now on.
  func take(_ fresh: Configuration) {
    let isOther = fresh.clients != configuration.clients
    configuration = fresh
    if isOther { learnSettings(of: clients) }
  }

  /// Finds out, once, what holds for clients. `clients`: names by number.
  func learnSettings(of clients: [Int64: String]) {
    let settings = clients.mapValues(configuration.settings(of:))
    handle(.settings(settings))
    expiry.learn(settings)
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

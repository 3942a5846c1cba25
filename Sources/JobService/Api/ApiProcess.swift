import CJobHTTP
import CJobLoop
import CPlatform
import FoundationEssentials
import Glibc
import JobLoop
import JobModel
import Platform

/// The process that faces the network: TLS, HTTP, JSON and who may see which job. It starts with the keys in reach,
/// reads them, and gives up every right it does not need before it reads the first byte of a client.
package final class ApiProcess: @unchecked Sendable {
  // Everything but the workers is used on the main thread's loop alone.
  private let loop: EventLoop
  private let listeners: [Int32]
  private let link = ApiLink()
  private var api: ApiContext?
  private var tls: OpaquePointer?
  private var expiries: Expiries?
  private var workers: [Worker] = []
  /// What this round of the loop has for each worker.
  private var answers: [[(ticket: UInt64, answer: Answer)]] = []
  private var wakes: [Set<UInt64>] = []
  /// Workers that finish their replies; when the last has, the process ends.
  private var draining = 0
  /// Fires when a sign of life is due, and workers that have not given theirs since the last one.
  private var lifeTimer: LoopTimer?
  private var endTimer: LoopTimer?
  private var silentWorkers = 0

  /// The descriptors that the supervisor passes (``ApiChild``).
  private static let channelDescriptor: Int32 = 3
  private static let supervisorCountsDescriptor: Int32 = 4
  private static let countsDescriptor: Int32 = 5
  private static let firstListener: Int32 = 6

  /// `listeners`: how many listening sockets follow the other descriptors.
  package init(listeners count: Int) throws {
    loop = try EventLoop()
    let end = Self.firstListener + Int32(count)
    listeners = Array(Self.firstListener..<end)
    for descriptor in Self.channelDescriptor..<end { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    link.channel = try MessageChannel(
      loop: loop, descriptor: Self.channelDescriptor, onMessage: { [unowned self] in self.received($0) },
      onClosed: { [unowned self] _ in self.supervisorIsGone() })
  }

  /// Milliseconds between two signs of life.
  private static let lifePause: UInt64 = 1000

  /// Serves until the supervisor asks for the end, or is gone.
  package func run() throws {
    // Before the files are read, which might never end; and once more with another user, which takes it back.
    jp_die_with_parent()
    signal(SIGPIPE, SIG_IGN)
    ProcessorShare.raise()
    lifeTimer = try LoopTimer(loop) { [unowned self] in self.giveSign() }
    lifeTimer?.start(milliseconds: Self.lifePause)
    loop.afterRound { [unowned self] in self.deliver() }
    try loop.run()
  }

  /// Not while one of the workers is stuck.
  private func giveSign() {
    lifeTimer?.start(milliseconds: Self.lifePause)
    expiries?.warnDaily()
    api?.strangers?.tick()
    guard silentWorkers == 0 else { return }
    link.send(.alive)
    let others = workers.filter { $0.loop !== loop }
    silentWorkers = others.count
    for worker in others { worker.loop.post { [self] in loop.post { self.silentWorkers -= 1 } } }
  }

  /// At once: what exit(3) would have libraries free is in use by the workers.
  private static func end(_ status: Int32) -> Never { _exit(status) }

  /// What was said last is written at the end of this round.
  private func endSoon(_ status: Int32) {
    endTimer = try? LoopTimer(loop) { Self.end(status) }
    endTimer?.start(milliseconds: 1)
    if endTimer == nil { Self.end(status) }
  }

  private func supervisorIsGone() {
    // Nothing that is answered from here on would be true.
    api?.log.error("supervisor_gone")
    Self.end(1)
  }

  private func received(_ bytes: UnsafeRawBufferPointer) {
    do {
      try handle(try SupervisorEvent(decoding: bytes))
    } catch {
      (api?.log ?? Log()).error("api_failed", ["error": "\(error)"])
      link.send(.failed("\(error)"))
      endSoon(1)
    }
  }

  private func handle(_ event: SupervisorEvent) throws {
    switch event {
    case .welcome(let configuration, let hostLimits): try start(configuration, hostLimits)
    case .ready: try listen()
    case .drain: drain()
    case .retire(let authorities, let revocations, let isPartial):
      retire(try Trust(authorities, revocations, isPartial: isPartial))
    case .client(let id, let name): api?.clients.learn(name, number: id)
    case .job(let record, let pid):
      wake(api?.table.update(record, pid: pid) { self.link.send(.watch(id: record.id)) })
    case .deleted(let id): wake(api?.table.remove(id))
    case .output(let id, let progress): wake(api?.table.progress(id, progress))
    case .created(let ticket, let id): answer(ticket, .success(.job(id)))
    case .launched(let ticket, let id): answer(ticket, .success(.launched(id)))
    case .ran(let ticket, let record, let output): answer(ticket, .success(.ran(record, output)))
    case .done(let ticket): answer(ticket, .success(.nothing))
    case .refused(let ticket, let refusal): answer(ticket, .failure(refusal))
    case .usage(let ticket, let jobs): answer(ticket, .success(.usage(jobs)))
    case .events(let clients): wake(api?.eventFollowers(of: clients))
    }
  }

  private func start(_ encoded: [UInt8], _ hostLimits: [String]) throws {
    let configuration = try JSONDecoder().decode(Configuration.self, from: Data(encoded))
    tls = try ServerTLS.load(configuration)
    let account = try configuration.apiAccount()
    let memory = ResidentMemory()
    try SystemError.check(
      jc_confine(account?.user ?? .max, account?.group ?? .max, configuration.stateDirectory),
      "give up privileges")
    jp_die_with_parent()
    let log = Log(level: configuration.logLevel)
    let expiries = Expiries(tls!, configuration, log)
    self.expiries = expiries
    expiries.warnDaily()
    let api = try ApiContext(
      configuration, hostLimits: hostLimits, log: log, link: link, expiries: expiries, memory: memory,
      supervisorCounts: Self.supervisorCountsDescriptor, counts: Self.countsDescriptor)
    self.api = api
    for index in listeners.indices {
      // The first worker is this thread: what the supervisor says is at hand here, and need not wake another.
      workers.append(try Worker(index, api, index == 0 ? loop : EventLoop()))
    }
    answers = Array(repeating: [], count: workers.count)
    wakes = Array(repeating: [], count: workers.count)
    link.send(.hello)
  }

  private func listen() throws {
    guard let tls else { return }
    for (worker, listener) in zip(workers, listeners) {
      try worker.listen(listener, tls)
      guard worker.loop !== loop else { continue }
      _ = try SystemThread.start("worker \(worker.index)") {
        do { try worker.loop.run() } catch { fatalError("\(error)") }
      }
    }
  }

  private func answer(_ ticket: UInt64, _ answer: Answer) {
    let index = Worker.index(ofTicket: ticket)
    if answers.indices.contains(index) { answers[index].append((ticket, answer)) }
  }

  private func wake(_ observers: Set<JobTable.Observer>?) {
    for observer in observers ?? [] { wakes[observer.worker].insert(observer.exchange) }
  }

  /// Hands each worker what this round brought, in one piece.
  private func deliver() {
    for (index, worker) in workers.enumerated() where !answers[index].isEmpty || !wakes[index].isEmpty {
      let (answers, wakes) = (answers[index], wakes[index])
      self.answers[index] = []
      self.wakes[index] = []
      let work: @Sendable () -> Void = {
        for (ticket, answer) in answers { worker.answered(ticket, answer) }
        for number in wakes { worker.wake(number) }
      }
      worker.loop === loop ? work() : worker.loop.post(work)
    }
  }

  private func drain() {
    guard draining == 0 else { return wake(api?.eventFollowers.end()) }
    startDraining(nil)
  }

  /// Another process serves in this one's place; told again when `trust` has changed since.
  private func retire(_ trust: Trust) {
    guard draining > 0 else { return startDraining(trust) }
    for worker in workers { worker.loop.post { worker.apply(trust) } }
  }

  private func startDraining(_ trust: Trust?) {
    draining = workers.count
    for worker in workers {
      worker.loop.post {
        worker.drain { [self] in loop.post { self.workerIsDrained() } }
        if let trust { worker.apply(trust) }
      }
    }
    if workers.isEmpty { Self.end(0) }
  }

  private func workerIsDrained() {
    draining -= 1
    guard draining == 0 else { return }
    api?.strangers?.tick()
    endSoon(0)
  }
}

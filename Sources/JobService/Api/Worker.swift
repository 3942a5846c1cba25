import CJobHTTP
import JobAPI
import JobLoop
import JobModel
import JobStore
import Platform

/// One thread of the api process: an event loop with connections of its own, and a reader of the store. Made and
/// used on its thread.
final class Worker: @unchecked Sendable {
  // Sendable for its loop, which other threads post to.
  let index: Int
  let api: ApiContext
  let loop: EventLoop
  let reader: StoreReader
  private(set) var server: OpaquePointer?
  /// The store's numbers of clients, by their indices in the table of clients; 0: not known here.
  @exclusivity(unchecked) private var numbers: [Int64] = []
  private var lastPeer: UInt64 = 0
  private var asked: [UInt64: Continuation] = [:]
  private var lastTicket: UInt64 = 0

  /// What to do with the answer to a request; the exchange is still open then.
  typealias Continuation = (exchange: UInt64, then: (Exchange?, Answer) -> Void)

  init(_ index: Int, _ api: ApiContext, _ loop: EventLoop) throws {
    self.index = index
    self.api = api
    self.loop = loop
    reader = try StoreReader(path: api.configuration.stateDirectory)
  }

  /// Begins to accept connections from `listener`, which is taken over.
  func listen(_ listener: Int32, _ tls: OpaquePointer) throws(SystemError) {
    var options = api.configuration.serverOptions(listener, api.budget)
    options.counts = api.counts.server(index)
    let context = Unmanaged.passUnretained(self).toOpaque()
    var handler = Self.handler
    let status = jc_server_new(loop.handle, tls, &options, &handler, context, &server)
    guard status == 0 else { throw SystemError(status, "serve connections") }
  }

  /// No new connection; `done` is called when the running replies are finished.
  func drain(_ done: @escaping @Sendable () -> Void) {
    guard let server else { return done() }
    let box = Unmanaged.passRetained(LoopAction(done))
    jc_server_drain(
      server, { Unmanaged<LoopAction>.fromOpaque($0!).takeRetainedValue().call() },
      box.toOpaque())
    wakeAllWaiters()
    tellWhenDrained()
    runsTimer = try? LoopTimer(loop) { [unowned self] in
      self.isRunTimeOver = true
      self.tellWhenDrained()
    }
    runsTimer?.start(milliseconds: Self.runTime)
  }

  /// After ``drain(_:)``: clients that are not let in are cut off.
  func apply(_ trust: Trust) {
    if let server { jc_server_apply_trust(server, trust.pointer) }
  }

  /// Milliseconds after which runs that have not ended count as replies that follow their jobs: most end before.
  private static let runTime: UInt64 = 100
  private var runsTimer: LoopTimer?
  private var isRunTimeOver = false

  /// A connection gives one reply at a time: when there are as many as replies that follow, there is no other one.
  private func tellWhenDrained() {
    guard isDraining else { return }
    let now = api.clients.totals
    let following = now.followers + (isRunTimeOver ? now.runs : 0)
    if now.connections == following { api.link.send(.drained) }
  }

  /// The store's number of a client, which it keeps once it has one: so every other request takes no lock for it. Nil: it
  /// has created nothing.
  func number(of principal: Principal) -> Int64? {
    let index = principal.client
    if index < numbers.count, numbers[index] != 0 { return numbers[index] }
    guard let number = api.clients.number(index) else { return nil }
    if index >= numbers.count { numbers += repeatElement(0, count: index + 1 - numbers.count) }
    numbers[index] = number
    return number
  }

  /// A client's connection was opened.
  func principal(_ client: Int, _ peer: Peer) -> Principal {
    lastPeer += 1
    return Principal(number(lastPeer), client, peer, api.link)
  }

  /// One that no other worker makes.
  private func number(_ own: UInt64) -> UInt64 { UInt64(index) << 56 | own }

  func closed(_ principal: Principal) {
    api.clients.close(principal.client)
    tellWhenDrained()
  }

  /// Sends a request; `then` is called with its answer, unless the exchange is over by then.
  func ask(
    for exchange: Exchange, _ make: (_ ticket: UInt64) -> ApiRequest,
    then: @escaping (Exchange, Answer) -> Void
  ) {
    askAtLength(for: exchange, make) { exchange, answer in
      if let exchange { then(exchange, answer) }
    }
  }

  /// The same for a request that may be answered twice (``Granted/launched(_:)``); `then` is also told answers that come
  /// when the exchange is over.
  func askAtLength(
    for exchange: Exchange, _ make: (_ ticket: UInt64) -> ApiRequest,
    then: @escaping (Exchange?, Answer) -> Void
  ) {
    lastTicket += 1
    let ticket = number(lastTicket)
    asked[ticket] = (exchange.number, then)
    api.link.send(make(ticket))
  }

  /// The same; `then` is called when the request was carried out. Else the refusal is replied, or what `then` throws.
  func request(
    for exchange: Exchange, _ make: (_ ticket: UInt64) -> ApiRequest,
    then: @escaping (Exchange, JobID?) throws -> Void
  ) {
    ask(for: exchange, make) { [unowned self] exchange, answer in
      do { try then(exchange, try answer.mapError(Problem.init).get().job) } catch { fail(exchange, error) }
    }
  }

  /// The worker that a ticket belongs to.
  static func index(ofTicket ticket: UInt64) -> Int { Int(ticket >> 56) }

  func answered(_ ticket: UInt64, _ answer: Answer) {
    let continuation: Continuation?
    if case .success(.launched) = answer {
      continuation = asked[ticket]
    } else {
      continuation = asked.removeValue(forKey: ticket)
    }
    if let (number, then) = continuation { then(exchange(number), answer) }
  }

  /// The open exchange with this number.
  func exchange(_ number: UInt64) -> Exchange? {
    server.flatMap { jc_server_exchange($0, number) }.map { Exchange(pointer: $0) }
  }

  func wake(_ number: UInt64) { exchange(number)?.wake() }

  /// Replies that wait for a change are given without it: the process is to end.
  private(set) var isDraining = false
  private func wakeAllWaiters() {
    isDraining = true
    for observer in api.table.observers(of: index) + api.writers.holders(of: index) {
      wake(observer.exchange)
    }
  }

  func observer(_ exchange: Exchange) -> JobTable.Observer {
    JobTable.Observer(worker: index, exchange: exchange.number)
  }
}

/// The supervisor's answer to a request.
typealias Answer = Result<Granted, Refusal>

/// What comes with the answer to a request that was carried out.
enum Granted {
  case nothing
  case job(JobID)
  case usage([JobUsage])
  /// The job is launched, and another answer follows.
  case launched(JobID)
  /// The job has ended, and this is all of it.
  case ran(JobRecord, HeldOutput)

  var job: JobID? { if case .job(let id) = self { id } else { nil } }
}

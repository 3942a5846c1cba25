import JobAPI
import JobModel
import JobStore
import Platform

/// The jobs that wait for a slot. They are in the store; here is how many of each queue there are, and the few that go
/// first. Clients take turns, and of a client's jobs the one with the highest priority goes first, then the oldest.
struct WaitingJobs {
  /// One queue of a client, in which jobs wait, or of which some run.
  fileprivate struct Queue {
    /// Jobs of it that may run at once.
    var slots: Int
    var running = 0
    /// In the store, and not taken out to be launched.
    var waiting = 0
    /// Creations on their way there.
    var arriving = 0
    /// Those that go first, in order.
    var first: [QueuePlace] = []
    /// There are no others.
    var isWhole = true
    var isLoading = false

    var isUnused: Bool { running == 0 && waiting == 0 && arriving == 0 && !isLoading }
    var hasSlot: Bool { running < slots }
    var needsMore: Bool { !isWhole && !isLoading && first.count <= WaitingJobs.few }
  }

  private struct Client {
    var queues: [String: Queue] = [:]
    /// In all of them, those that are arriving too.
    var waiting = 0
    var hasTurn = false
  }

  private var clients: [Int64: Client] = [:]
  /// Clients that may have a job to launch, the one whose turn it is first.
  private var turns = Fifo<Int64>()
  /// Of all clients, those that are arriving too.
  private(set) var count = 0

  /// Jobs of a queue that are held here at most, and how few are left when more are asked for.
  static let most = 64
  fileprivate static let few = 16
  /// Named queues of a client that are in use at once.
  static let mostQueues = 1000

  /// Queues of which more is to be read from the store; told once.
  private var loads: [QueueKey] = []

  func count(of client: Int64) -> Int { clients[client]?.waiting ?? 0 }

  // MARK: Jobs that come and go

  /// Whether a job may be launched as soon as it is created: nothing waits before it, and its queue has a slot.
  /// `slots`: as its creation says.
  func isFree(_ key: QueueKey, slots: Int) -> Bool {
    guard let queue = clients[key.client]?.queues[key.name] else { return true }
    return queue.waiting == 0 && queue.arriving == 0 && (key.name.isEmpty || queue.running < slots)
  }

  /// Whether there is room for another queue of that name.
  func hasRoom(for key: QueueKey) -> Bool {
    guard !key.name.isEmpty, let client = clients[key.client], client.queues[key.name] == nil else {
      return true
    }
    return client.queues.count - (client.queues[""] == nil ? 0 : 1) < Self.mostQueues
  }

  /// A job has a slot of its queue. Jobs of no named one are not counted: they have any number.
  mutating func began(_ key: QueueKey) {
    if !key.name.isEmpty { change(key) { $0.running += 1 } }
  }

  /// It has it no more.
  mutating func ended(_ key: QueueKey) {
    if !key.name.isEmpty { change(key) { $0.running -= 1 } }
    giveTurn(key.client)
  }

  /// Its creation is on its way to the disk.
  mutating func arrives(_ key: QueueKey) { change(key) { $0.arriving += 1 } }

  /// It came there, or (`place` nil) did not.
  mutating func arrived(_ key: QueueKey, _ place: QueuePlace?) {
    change(key) { $0.arriving -= 1 }
    if let place { add(key, place) }
  }

  /// A job in the store waits from now on.
  mutating func add(_ key: QueueKey, _ place: QueuePlace) {
    change(key) { queue in
      queue.waiting += 1
      queue.insert(place)
    }
    giveTurn(key.client)
  }

  /// A job waits no more, and was not taken from here.
  mutating func remove(_ key: QueueKey, _ id: JobID) {
    change(key) { queue in
      queue.waiting -= 1
      queue.first.removeAll { $0.id == id }
    }
    giveTurn(key.client)
  }

  /// One that was taken to be launched is in the store as before.
  mutating func putBack(_ key: QueueKey) {
    change(key) { queue in
      queue.waiting += 1
      queue.isWhole = false
    }
    giveTurn(key.client)
  }

  /// Jobs of a queue that may run at once.
  func slots(of key: QueueKey) -> Int {
    key.name.isEmpty ? 1 : clients[key.client]?.queues[key.name]?.slots ?? 1
  }

  /// The number of a creation that was accepted.
  mutating func set(_ slots: Int, of key: QueueKey) {
    guard !key.name.isEmpty, clients[key.client]?.queues[key.name] != nil else { return }
    change(key) { $0.slots = slots }
    giveTurn(key.client)
  }

  /// What the store had at the start.
  mutating func restore(_ stored: StoredQueue) {
    change(stored.key) { queue in
      queue.waiting += stored.waiting
      queue.isWhole = false
      if !stored.key.name.isEmpty { queue.slots = stored.slots }
    }
    giveTurn(stored.key.client)
  }

  // MARK: Turns

  /// The next job that has a slot of its queue, of a client for which `mayRun` holds. Of a client for which it does not,
  /// nothing is looked at until ``giveTurn(_:)``. `isLeaving`: jobs that are being stopped or deleted.
  mutating func next(
    where mayRun: (Int64) -> Bool, isLeaving: (JobID) -> Bool
  ) -> (key: QueueKey, id: JobID)? {
    while let client = turns.popFirst() {
      clients[client]!.hasTurn = false
      guard !clients[client]!.queues.isEmpty else {
        clients[client] = nil
        continue
      }
      guard mayRun(client), let next = next(of: client, isLeaving) else { continue }
      take(next.key, next.id)
      giveTurn(client)
      return next
    }
    return nil
  }

  /// Queues of which the store is to be asked, by ``loaded(_:_:isTaken:)``, for more.
  mutating func takeLoads() -> [QueueKey] {
    defer { loads = [] }
    return loads
  }

  /// Something changed: it may have a job to launch.
  mutating func giveTurn(_ client: Int64) {
    guard let known = clients[client], known.waiting > 0, !known.hasTurn else { return }
    clients[client]!.hasTurn = true
    turns.append(client)
  }

  /// Nothing while one of its queues is being loaded that could have the job that goes first.
  private mutating func next(
    of client: Int64, _ isLeaving: (JobID) -> Bool
  ) -> (key: QueueKey, id: JobID)? {
    var best: (name: String, place: QueuePlace)?
    var mustWait = false
    for (name, queue) in clients[client]?.queues ?? [:] where queue.hasSlot && queue.waiting > 0 {
      if queue.needsMore { load(QueueKey(client: client, name: name)) }
      guard let place = queue.first.first(where: { !isLeaving($0.id) }) else {
        mustWait = mustWait || !queue.isWhole
        continue
      }
      if best == nil || place < best!.place { best = (name, place) }
    }
    guard !mustWait else { return nil }
    return best.map { (QueueKey(client: client, name: $0.name), $0.place.id) }
  }

  private mutating func load(_ key: QueueKey) {
    change(key) { $0.isLoading = true }
    loads.append(key)
  }

  private mutating func take(_ key: QueueKey, _ id: JobID) {
    change(key) { queue in
      queue.first.removeAll { $0.id == id }
      queue.waiting -= 1
    }
  }

  /// The store answered ``takeLoads()`` with the first of them, `most` or all there are. `isTaken`: jobs that the
  /// store did not know yet to be taken out.
  mutating func loaded(_ key: QueueKey, _ places: [QueuePlace], isTaken: (JobID) -> Bool) {
    change(key) { queue in
      queue.isLoading = false
      queue.first = places.filter { !isTaken($0.id) }
      queue.isWhole = places.count < Self.most
    }
    giveTurn(key.client)
  }

  /// The store could not answer: it is asked again when the client has its turn.
  mutating func notLoaded(_ key: QueueKey) { change(key) { $0.isLoading = false } }

  private mutating func change(_ key: QueueKey, _ body: (inout Queue) -> Void) {
    let new = Queue(slots: key.name.isEmpty ? .max : 1)
    var client = clients.removeValue(forKey: key.client) ?? Client()
    var queue = client.queues.removeValue(forKey: key.name) ?? new
    let before = queue.waiting + queue.arriving
    body(&queue)
    let more = queue.waiting + queue.arriving - before
    count += more
    client.waiting += more
    if !queue.isUnused { client.queues[key.name] = queue }
    if !client.queues.isEmpty || client.hasTurn { clients[key.client] = client }
  }
}

extension WaitingJobs.Queue {
  /// What comes behind all that are here is left to the store, unless these are all there are.
  fileprivate mutating func insert(_ place: QueuePlace) {
    guard !isLoading, isWhole || first.last.map({ place < $0 }) == true else { return }
    first.insert(place, at: first.lastIndex { $0 < place }.map { $0 + 1 } ?? 0)
    guard first.count > 2 * WaitingJobs.most else { return }
    first.removeLast(first.count - WaitingJobs.most)
    isWhole = false
  }
}

import JobAPI
import JobModel
import Platform

/// The api process's table of jobs: all that run, those that finished last, and those that wait while somebody observes
/// them, kept current by the supervisor's events. Jobs that are not here are in the store. Any thread.
final class JobTable: Sendable {
  /// An exchange that wants to be woken when a job changes.
  struct Observer: Hashable {
    let worker: Int
    let exchange: UInt64
  }

  /// A job as it is now.
  struct Entry {
    var record: JobRecord
    /// 0 unless its process runs.
    var pid: Int32
    /// While its output is followed.
    var progress: OutputProgress?
  }

  /// An object, so that looking at a job copies none of it. Touched with the lock held only.
  fileprivate final class Slot {
    @exclusivity(unchecked) var entry: Entry
    /// What a status query of the job as it is now is answered with, once there was one.
    @exclusivity(unchecked) private var status: [UInt8] = []
    var observers: Set<Observer> = []
    var followers: Set<Observer> = []
    /// False: it is being read from the store.
    var isKnown = true

    init(_ entry: Entry) { self.entry = entry }

    func learn(_ record: JobRecord, pid: Int32) {
      (entry.record, entry.pid, isKnown) = (record, pid, true)
      status.removeAll()
    }

    /// Jobs are asked again and again for what changes twice.
    func statusBody() -> [UInt8] {
      if status.isEmpty { StatusBody.encode(entry.record, into: &status) }
      return status
    }
  }

  fileprivate struct State {
    var slots: [JobID: Slot] = [:]
    /// Finished jobs, oldest first, of which `most` are kept.
    var finished: [JobID] = []
    var firstFinished = 0
  }

  private let state = Mutex(State())
  private let most: Int

  /// `finished`: how many finished jobs are kept in memory.
  init(finished most: Int) { self.most = most }

  /// The job, when it is this client's and here.
  func entry(_ id: JobID, of client: Int64) -> Entry? {
    state.withLock { $0.slot(id, of: client).flatMap { $0.isKnown ? $0.entry : nil } }
  }

  /// Whose the job is that is here.
  func owner(of id: JobID) -> Int64? {
    state.withLock { state in state.slots[id].flatMap { $0.isKnown ? $0.entry.record.client : nil } }
  }

  /// What a status query of it is answered with. Nil: it is not here, or another client's.
  func status(_ id: JobID, of client: Int64) -> [UInt8]? {
    state.withLock { $0.slot(id, of: client).flatMap { $0.isKnown ? $0.statusBody() : nil } }
  }

  /// Has `observer` woken when the job changes, at the latest once it has ended; the job as it is now. `stored` reads a job
  /// that is not here: one that waits for a slot is, as long as somebody observes it. No change in between is missed.
  func observe(
    _ id: JobID, of client: Int64, _ observer: Observer, stored: () throws -> JobRecord?
  ) throws -> Entry? {
    try register(id, client, \.observers, observer, stored) { _ in }
  }

  /// Like ``observe(_:of:_:stored:)``, but woken by each piece of output too. `watch` is called for the first follower of
  /// a job that runs, to ask the supervisor for its output: within the lock, so that it cannot overtake an `unwatch`.
  func follow(
    _ id: JobID, of client: Int64, _ observer: Observer, stored: () throws -> JobRecord?, watch: () -> Void
  ) throws -> Entry? {
    try register(id, client, \.followers, observer, stored) { isFirst in if isFirst { watch() } }
  }

  private func register(
    _ id: JobID, _ client: Int64, _ list: ReferenceWritableKeyPath<Slot, Set<Observer>>, _ observer: Observer,
    _ stored: () throws -> JobRecord?, registered: (_ isFirst: Bool) -> Void
  ) throws -> Entry? {
    /// Registers at a slot whose job does not wait; nil: it waits, or is not known here.
    func registerKnown(_ slot: Slot) -> Entry? {
      guard slot.isKnown else { return nil }
      guard slot.entry.record.state == .running else { return slot.entry }
      registered(slot[keyPath: list].isEmpty && !slot.entry.record.isQueued)
      slot[keyPath: list].insert(observer)
      return slot.entry
    }
    let known: Entry? = state.withLock { state in
      if let slot = state.slot(id, of: client) {
        if let entry = registerKnown(slot) { return entry }
        slot[keyPath: list].insert(observer)
        return nil
      }
      guard state.slots[id] == nil else { return nil }
      let slot = Slot(Entry(record: JobRecord(id: id, client: client, created: 0), pid: 0))
      slot.isKnown = false
      slot[keyPath: list].insert(observer)
      state.slots[id] = slot
      return nil
    }
    if let known { return known }
    let record: JobRecord?
    do {
      record = try stored()
    } catch {
      withdraw(id, list, observer)
      throw error
    }
    return state.withLock { state in
      // Whatever was told meanwhile is newer than what was read.
      if let slot = state.slot(id, of: client), let entry = registerKnown(slot) { return entry }
      guard let record, record.state == .running, let slot = state.slot(id, of: client) else {
        state.withdraw(id, list, observer)
        return record.map { Entry(record: $0, pid: 0) }
      }
      // One that waits no more is told before long: until then it counts as one that does, to be watched from then on.
      var queued = record
      queued.isQueued = true
      slot.learn(queued, pid: 0)
      return registerKnown(slot)
    }
  }

  private func withdraw(
    _ id: JobID, _ list: ReferenceWritableKeyPath<Slot, Set<Observer>>, _ observer: Observer
  ) {
    state.withLock { $0.withdraw(id, list, observer) }
  }

  /// All that wait in a worker.
  func observers(of worker: Int) -> [Observer] {
    state.withLock { $0.slots.values.flatMap { $0.observers.filter { $0.worker == worker } } }
  }

  func forget(_ id: JobID, _ observer: Observer) { withdraw(id, \.observers, observer) }

  /// `unwatch` is called when nobody follows the job's output any longer.
  func unfollow(_ id: JobID, _ observer: Observer, unwatch: () -> Void) {
    state.withLock { state in
      guard let slot = state.slots[id], slot.followers.contains(observer) else { return }
      state.withdraw(id, \.followers, observer)
      guard slot.followers.isEmpty else { return }
      slot.entry.progress = nil
      unwatch()
    }
  }

  /// Takes over the state of a job; the observers to wake. `watch` is called when the job waited, runs now, and is
  /// followed.
  func update(_ record: JobRecord, pid: Int32, watch: () -> Void) -> Set<Observer> {
    state.withLock { state in
      if record.isQueued, !state.isObserved(record.id) {
        state.slots[record.id] = nil
        return []
      }
      let slot = state.slot(for: record)
      let waited = !slot.isKnown || slot.entry.record.isQueued
      slot.learn(record, pid: pid)
      guard record.state != .running else {
        guard waited, !record.isQueued else { return [] }
        if !slot.followers.isEmpty { watch() }
        return slot.observers.union(slot.followers)
      }
      let woken = slot.observers.union(slot.followers)
      (slot.observers, slot.followers, slot.entry.progress) = ([], [], nil)
      state.keepFinished(record.id, most: most)
      return woken
    }
  }

  func progress(_ id: JobID, _ progress: OutputProgress) -> Set<Observer> {
    state.withLock { state in
      guard let slot = state.slots[id], !slot.followers.isEmpty else { return [] }
      slot.entry.progress = progress
      return slot.followers
    }
  }

  func remove(_ id: JobID) -> Set<Observer> {
    state.withLock { state in
      guard let slot = state.slots.removeValue(forKey: id) else { return [] }
      return slot.observers.union(slot.followers)
    }
  }
}

extension JobTable.State {
  /// A job that waits is here only while it is observed.
  fileprivate mutating func withdraw(
    _ id: JobID, _ list: ReferenceWritableKeyPath<JobTable.Slot, Set<JobTable.Observer>>,
    _ observer: JobTable.Observer
  ) {
    guard let slot = slots[id], slot[keyPath: list].remove(observer) != nil else { return }
    if !slot.isKnown || slot.entry.record.isQueued, !isObserved(id) { slots[id] = nil }
  }

  fileprivate func isObserved(_ id: JobID) -> Bool {
    slots[id].map { !$0.observers.isEmpty || !$0.followers.isEmpty } ?? false
  }

  fileprivate func slot(_ id: JobID, of client: Int64) -> JobTable.Slot? {
    guard let slot = slots[id], slot.entry.record.client == client else { return nil }
    return slot
  }

  /// The job's, or a new one.
  fileprivate mutating func slot(for record: JobRecord) -> JobTable.Slot {
    if let slot = slots[record.id] { return slot }
    let slot = JobTable.Slot(JobTable.Entry(record: record, pid: 0))
    slots[record.id] = slot
    return slot
  }

  fileprivate mutating func keepFinished(_ id: JobID, most: Int) {
    finished.append(id)
    while finished.count - firstFinished > most {
      slots[finished[firstFinished]] = nil
      firstFinished += 1
    }
    guard firstFinished > most else { return }
    finished.removeFirst(firstFinished)
    firstFinished = 0
  }
}

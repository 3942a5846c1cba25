import JobAPI
import JobModel
import Platform

/// The api process's table of jobs: all that run and those that finished last, kept current by the supervisor's
/// events. Jobs that are not here are in the store. Any thread.
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
    var observers: Set<Observer> = []
    var followers: Set<Observer> = []

    init(_ entry: Entry) { self.entry = entry }
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
    state.withLock { $0.slot(id, of: client)?.entry }
  }

  /// The same where it is, not copied. False: it is not here, or another client's.
  func read(_ id: JobID, of client: Int64, _ body: (JobRecord) -> Void) -> Bool {
    state.withLock { state in
      guard let slot = state.slot(id, of: client) else { return false }
      body(slot.entry.record)
      return true
    }
  }

  /// The job, and while it runs `observer` is woken once it has ended: no change in between is missed.
  func observe(_ id: JobID, of client: Int64, _ observer: Observer) -> Entry? {
    state.withLock { state in
      guard let slot = state.slot(id, of: client) else { return nil }
      if slot.entry.record.state == .running { slot.observers.insert(observer) }
      return slot.entry
    }
  }

  /// Like ``observe(_:of:_:)``, but woken by each piece of output too. `watch` is called for a job's first follower,
  /// to ask the supervisor for its output: within the lock, so that it cannot overtake an `unwatch`.
  func follow(_ id: JobID, of client: Int64, _ observer: Observer, watch: () -> Void) -> Entry? {
    state.withLock { state in
      guard let slot = state.slot(id, of: client) else { return nil }
      guard slot.entry.record.state == .running else { return slot.entry }
      if slot.followers.isEmpty { watch() }
      slot.followers.insert(observer)
      return slot.entry
    }
  }

  /// All that wait in a worker.
  func observers(of worker: Int) -> [Observer] {
    state.withLock { $0.slots.values.flatMap { $0.observers.filter { $0.worker == worker } } }
  }

  func forget(_ id: JobID, _ observer: Observer) {
    state.withLock { state in _ = state.slots[id]?.observers.remove(observer) }
  }

  /// `unwatch` is called when nobody follows the job's output any longer.
  func unfollow(_ id: JobID, _ observer: Observer, unwatch: () -> Void) {
    state.withLock { state in
      guard let slot = state.slots[id], slot.followers.remove(observer) != nil, slot.followers.isEmpty else {
        return
      }
      slot.entry.progress = nil
      unwatch()
    }
  }

  /// Takes over the state of a job; the observers to wake.
  func update(_ record: JobRecord, pid: Int32) -> Set<Observer> {
    state.withLock { state in
      let slot = state.slot(for: record)
      (slot.entry.record, slot.entry.pid) = (record, pid)
      guard record.state != .running else { return [] }
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

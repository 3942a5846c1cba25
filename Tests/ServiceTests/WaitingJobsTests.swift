import Harness
import JobAPI
import Testing

@testable import JobModel
@testable import JobStore
@testable import JobSupervisor

/// The window of the jobs that wait, against the store's own order.
struct WaitingJobsTests {
  /// Whatever comes and goes meanwhile, each time the one is launched that goes first of those in the store.
  @Test(arguments: 0..<40) func theWindowShowsTheStoresOrder(seed: UInt64) throws {
    var random = SplitMix(seed: seed)
    var waiting = WaitingJobs()
    let keys = ["", "a", "b"].map { QueueKey(client: 1, name: $0) }
    var store: [QueueKey: Set<QueuePlace>] = [:]
    var number: UInt64 = 0
    func place() -> QueuePlace {
      number += 1
      let priority = Int.random(in: -3...3, using: &random)
      return QueuePlace(priority: priority, id: JobID(microseconds: Int64(number) * 1000, random: 0))
    }
    for key in keys {
      store[key] = Set((0..<Int.random(in: 0...400, using: &random)).map { _ in place() })
      waiting.restore(StoredQueue(key: key, slots: 1000, waiting: store[key]!.count))
    }
    for _ in 0..<3000 {
      let key = keys.randomElement(using: &random)!
      switch Int.random(in: 0..<10, using: &random) {
      case 0..<3:
        let new = place()
        waiting.arrives(key)
        store[key]!.insert(new)
        waiting.arrived(key, new)
        waiting.set(1000, of: key)
      case 3:
        guard let gone = store[key]!.randomElement(using: &random) else { continue }
        store[key]!.remove(gone)
        waiting.remove(key, gone.id)
      default:
        let next = waiting.next(where: { _ in true }, isLeaving: { _ in false })
        if let next {
          let best = store.values.compactMap { $0.min() }.min()!
          #expect(best.id == next.id)
          store[next.key]!.remove(best)
        }
        let loads = waiting.takeLoads()
        for key in loads {
          let first = store[key]!.sorted().prefix(WaitingJobs.most)
          waiting.loaded(key, Array(first)) { _ in false }
        }
        let isEmpty = store.values.allSatisfy { $0.isEmpty }
        #expect(next != nil || !loads.isEmpty || isEmpty)
      }
      #expect(waiting.count == store.values.reduce(0) { $0 + $1.count })
    }
  }

  /// A queue without a slot keeps no other of its client from going on, nor a client without one another client.
  @Test func whatHasNoSlotIsPassedOver() {
    var waiting = WaitingJobs()
    func place(_ number: UInt64) -> QueuePlace { QueuePlace(priority: 0, id: JobID(high: 1, low: number)) }
    let (named, other) = (QueueKey(client: 1, name: "a"), QueueKey(client: 1, name: ""))
    let elsewhere = QueueKey(client: 2, name: "")
    waiting.began(named)
    for (number, key) in [named, other, elsewhere].enumerated() { waiting.add(key, place(UInt64(number))) }
    func next(_ mayRun: (Int64) -> Bool = { $0 == 1 }) -> JobID? {
      waiting.next(where: mayRun, isLeaving: { _ in false })?.id
    }
    #expect(next() == place(1).id)
    #expect(next() == nil)
    waiting.giveTurn(2)
    #expect(next { _ in true } == place(2).id)
    waiting.ended(named)
    #expect(next() == place(0).id)
    #expect(waiting.count == 0)
  }

  @Test func namedQueuesOfAClientAreBounded() {
    var waiting = WaitingJobs()
    for number in 0..<WaitingJobs.mostQueues { waiting.began(QueueKey(client: 1, name: "\(number)")) }
    #expect(!waiting.hasRoom(for: QueueKey(client: 1, name: "more")))
    #expect(
      waiting.hasRoom(for: QueueKey(client: 1, name: "5"))
        && waiting.hasRoom(for: QueueKey(client: 2, name: "x")))
    #expect(waiting.hasRoom(for: QueueKey(client: 1, name: "")), "jobs of no named queue")
    waiting.began(QueueKey(client: 1, name: ""))
    waiting.ended(QueueKey(client: 1, name: "7"))
    #expect(waiting.hasRoom(for: QueueKey(client: 1, name: "more")))
  }
}

import Testing

@testable import JobModel
@testable import JobService
@testable import JobStore
@testable import Platform

/// A commit wakes those whose events it brings, and nobody else.
@Suite struct EventFollowersTests {
  @Test func aClientsEventsWakeItsOwnFollowers() throws {
    let (clients, followers) = (ClientTable(Configuration()), EventFollowers())
    let alice = try #require(clients.open("alice") { nil })
    let bob = try #require(clients.open("bob") { 7 })
    let observers = (0..<3).map { JobTable.Observer(worker: $0, exchange: UInt64($0)) }
    for (observer, client) in zip(observers, [alice, alice, bob]) { followers.add(observer, of: client) }
    func woken(_ numbers: Int64...) -> Set<JobTable.Observer> {
      followers.changed(numbers, known: clients.indices(of: numbers))
    }
    #expect(woken(7) == [observers[2]])
    #expect(woken(8).isEmpty)
    clients.learn("alice", number: 8)
    #expect(woken(8) == [observers[0], observers[1]])
    #expect(woken(7, 8) == Set(observers))
    followers.remove(observers[0], of: alice)
    followers.remove(observers[2], of: bob)
    #expect(woken(7, 8) == [observers[1]])
    #expect(followers.end() == [observers[1]] && followers.isOver)
  }

  /// Also by those whom this process has not met.
  @Test func whoFollowsAllIsToldOfWhom() throws {
    let followers = EventFollowers()
    let observers = (0..<2).map { JobTable.Observer(worker: $0, exchange: UInt64($0)) }
    for observer in observers { followers.addToAll(observer) }
    #expect(followers.changed([7], known: []) == Set(observers))
    #expect(followers.changed([8, 9], known: []) == Set(observers))
    #expect(followers.takeChanged(observers[0]) == [7, 8, 9] && followers.takeChanged(observers[0]).isEmpty)
    followers.removeFromAll(observers[0])
    #expect(followers.changed([5], known: []) == [observers[1]])
    #expect(
      followers.takeChanged(observers[0]).isEmpty && followers.takeChanged(observers[1]) == [5, 7, 8, 9])
    #expect(followers.end() == [observers[1]])
  }

  @Test func theStoreTellsWhoseEventsItWrote() throws {
    let scratch = try ScratchDirectory()
    let told = Mutex<[Int64]>([])
    let store = try Store(path: scratch.path, group: nil) { outcomes in
      told.withLock { $0 += outcomes.filter(\.outcome.hasEvents).map(\.client) }
    }
    store.enqueue(.create(.sample(1, client: 1)), token: 1)
    store.enqueue(.delete(client: 2, id: JobRecord.sample(1, client: 2).id), token: 2)
    store.enqueue(.create(.sample(1, client: 3)), token: 3)
    store.enqueue(.finish(JobRecord.sample(1, client: 3).finished(), log: [], files: []), token: 4)
    store.enqueue(.create(.sample(1, client: 1)), token: 5)
    store.close()
    #expect(told.withLock { $0.sorted() } == [1, 3, 3], "what failed and what there is no job for has none")
  }
}

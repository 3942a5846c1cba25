import Testing

@testable import JobModel
@testable import JobStore
@testable import Platform

/// A client with very many changes makes no other wait for all of them.
@Suite struct StoreFairnessTests {
  private final class Told: Sendable {
    /// Tokens in the order in which they were told, and the sizes of the transactions.
    let tokens = Mutex<[UInt64]>([])
    let sizes = Mutex<[Int]>([])
  }

  @Test func aTransactionIsBoundedAndClientsTakeTurns() throws {
    let scratch = try ScratchDirectory()
    let told = Told()
    let store = try Store(path: scratch.path, group: nil) { outcomes in
      told.tokens.withLock { $0 += outcomes.map(\.token) }
      told.sizes.withLock { $0.append(outcomes.count) }
    }
    let (gate, reached) = (Semaphore(), Semaphore())
    store.maintain(.everything) { _ in
      reached.post()
      gate.wait()
    }
    reached.wait()
    for index in 1...3000 { store.enqueue(.create(.sample(index, client: 1)), token: UInt64(index)) }
    store.enqueue(.create(.sample(1, client: 2)), token: 10_001)
    store.enqueue(.finish(JobRecord.sample(1, client: 2).finished(), log: [], files: []), token: 10_002)
    gate.post()
    store.close()
    let tokens = told.tokens.withLock { $0 }
    #expect(tokens.filter { $0 <= 3000 } == Array(1...3000), "a client's changes keep their order")
    #expect(tokens.firstIndex(of: 10_001)! <= 1 && tokens.firstIndex(of: 10_002)! <= 3)
    #expect(told.sizes.withLock { $0.max()! } <= 256)
    let reader = try StoreReader(path: scratch.path)
    #expect(try reader.list(client: 1, JobFilter(), before: nil, limit: 10_000).jobs.count == 3000)
  }
}

import Harness
import Testing

@testable import Platform

/// Random sequences of arrivals and departures against what a fair queue promises.
@Suite struct FairQueueTests {
  @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8]) func keepsItsPromises(seed: UInt64) {
    var random = SplitMix(seed: seed)
    var queue = FairQueue<(client: Int64, number: Int)>()
    var added: [Int64: Int] = [:]
    var left: [Int64: Int] = [:]
    // For each client with elements: who left since its first element became its first.
    var since: [Int64: [Int64: Int]] = [:]
    for _ in 0..<20_000 {
      if Int.random(in: 0..<100, using: &random) < 52 {
        // A few clients bring most.
        let client = Int64(Int.random(in: 1...8, using: &random) * Int.random(in: 0...1, using: &random))
        queue.append((client, added[client, default: 0]), of: client)
        added[client, default: 0] += 1
        if since[client] == nil { since[client] = [:] }
      } else if let (client, number) = queue.popFirst() {
        #expect(number == left[client, default: 0], "client \(client) is out of order")
        left[client, default: 0] += 1
        for other in since.keys where other != client { since[other]![client, default: 0] += 1 }
        #expect(since[client]!.values.allSatisfy { $0 <= 1 }, "client \(client) waited for \(since[client]!)")
        since[client] = added[client]! > left[client]! ? [:] : nil
      } else {
        #expect(added == left)
      }
      #expect(queue.count == added.values.reduce(0, +) - left.values.reduce(0, +))
    }
    while let (client, number) = queue.popFirst() {
      #expect(number == left[client, default: 0])
      left[client, default: 0] += 1
    }
    #expect(added == left && queue.isEmpty)
  }

  @Test func oneClientIsServedInOrder() {
    var queue = FairQueue<Int>()
    for number in 0..<1000 { queue.append(number, of: 7) }
    #expect((0..<1000).allSatisfy { queue.popFirst() == $0 })
    #expect(queue.popFirst() == nil)
  }

  @Test func whatLeftIsLetGo() {
    final class Thing {}
    var queue = FairQueue<Thing>()
    weak var seen: Thing?
    do {
      let thing = Thing()
      seen = thing
      queue.append(thing, of: 1)
    }
    queue.append(Thing(), of: 1)
    _ = queue.popFirst()
    #expect(seen == nil)
  }
}

/// Elements of many clients, each client's in their order, the clients in turn: nobody waits for more than one element of
/// each other client before each of its own. Operations take constant time, averaged over an element's way through.
package struct FairQueue<Element> {
  private var queues: [Int64: Fifo<Element>] = [:]
  /// The clients that have elements, the one whose turn it is first.
  private var turns = Fifo<Int64>()
  package private(set) var count = 0

  package init() {}

  package var isEmpty: Bool { count == 0 }

  package mutating func append(_ element: Element, of client: Int64) {
    count += 1
    if queues[client]?.append(element) == nil {
      queues[client] = Fifo(element)
      turns.append(client)
    }
  }

  /// The first element of the client whose turn it is; one that is passed over keeps its elements.
  package mutating func popFirst(passingOver isPassedOver: (Int64) -> Bool = { _ in false }) -> Element? {
    for _ in 0..<queues.count {
      guard let client = turns.popFirst() else { return nil }
      guard !isPassedOver(client), let element = queues[client]?.popFirst() else {
        turns.append(client)
        continue
      }
      count -= 1
      if queues[client]?.isEmpty == true { queues[client] = nil } else { turns.append(client) }
      return element
    }
    return nil
  }
}

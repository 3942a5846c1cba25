/// Elements of many clients, each client's in their order, the clients in turn: nobody waits for more than one element of
/// each other client before each of its own. Operations take constant time, averaged over an element's way through.
/// Public and inlinable as ``Fifo``.
public struct FairQueue<Element> {
  @usableFromInline var queues: [Int64: Fifo<Element>] = [:]
  /// The clients that have elements, the one whose turn it is first.
  @usableFromInline var turns = Fifo<Int64>()
  @usableFromInline var held = 0
  @inlinable public var count: Int { held }

  @inlinable public init() {}

  @inlinable public var isEmpty: Bool { held == 0 }
  @inlinable public func count(of client: Int64) -> Int { queues[client]?.count ?? 0 }

  @inlinable public mutating func append(_ element: Element, of client: Int64) {
    held += 1
    if queues[client]?.append(element) == nil {
      queues[client] = Fifo(element)
      turns.append(client)
    }
  }

  /// The first element of the client whose turn it is; one that is passed over keeps its elements.
  @inlinable public mutating func popFirst(passingOver isPassedOver: (Int64) -> Bool = { _ in false })
    -> Element?
  {
    for _ in 0..<queues.count {
      guard let client = turns.popFirst() else { return nil }
      guard !isPassedOver(client), let element = queues[client]?.popFirst() else {
        turns.append(client)
        continue
      }
      held -= 1
      if queues[client]?.isEmpty == true { queues[client] = nil } else { turns.append(client) }
      return element
    }
    return nil
  }
}

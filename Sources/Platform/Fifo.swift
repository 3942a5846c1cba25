/// First in, first out: what comes in is turned around when all that came before is out.
///
/// Public and inlinable, as ``Mutex`` is: it is to be compiled for each element in the modules that use it.
public struct Fifo<Element> {
  @usableFromInline var incoming: [Element] = []
  @usableFromInline var outgoing: [Element] = []

  @inlinable public init() {}
  @inlinable public init(_ element: Element) { incoming = [element] }

  @inlinable public var isEmpty: Bool { incoming.isEmpty && outgoing.isEmpty }
  @inlinable public var count: Int { incoming.count + outgoing.count }

  @inlinable public var first: Element? { outgoing.last ?? incoming.first }

  @inlinable public mutating func append(_ element: Element) { incoming.append(element) }

  @inlinable public mutating func popFirst() -> Element? {
    if outgoing.isEmpty {
      guard !incoming.isEmpty else { return nil }
      outgoing = incoming.reversed()
      incoming.removeAll(keepingCapacity: true)
    }
    return outgoing.popLast()
  }
}

/// First in, first out: what comes in is turned around when all that came before is out.
package struct Fifo<Element> {
  private var incoming: [Element] = []
  private var outgoing: [Element] = []

  package init() {}
  package init(_ element: Element) { incoming = [element] }

  package var isEmpty: Bool { incoming.isEmpty && outgoing.isEmpty }

  package var first: Element? { outgoing.last ?? incoming.first }

  package mutating func append(_ element: Element) { incoming.append(element) }

  package mutating func popFirst() -> Element? {
    if outgoing.isEmpty {
      outgoing = incoming.reversed()
      incoming.removeAll(keepingCapacity: true)
    }
    return outgoing.popLast()
  }
}

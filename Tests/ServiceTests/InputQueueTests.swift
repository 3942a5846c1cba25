import Harness
import JobAPI
import Testing

@testable import JobEngine
@testable import JobModel
@testable import JobSupervisor

/// Random clients, pipes, crashes of the api process and upgrades against what must hold of a job's input: it gets each
/// byte once, in order, and whoever is told that a piece was taken is told the truth.
struct InputQueueTests {
  /// A pipe that takes as much as it has room for.
  private final class Pipe: InputSink {
    var bytes: [UInt8] = []
    var room = 0
    var isClosed = false
    var readerIsGone = false

    func writeInput(_ more: UnsafeRawBufferPointer) -> Int {
      guard !readerIsGone, !isClosed else { return -32 }
      let count = min(room, more.count)
      bytes.append(contentsOf: more[..<count])
      room -= count
      return count
    }

    func closeInput() {
      #expect(!isClosed, "closed twice")
      isClosed = true
    }
  }

  private final class Giver {
    var isDone = false
    var refusal: Refusal?

    func take(_ refusal: Refusal?) {
      #expect(!isAnswered, "answered twice")
      self.refusal = refusal
      isDone = refusal == nil
    }

    var isAnswered: Bool { isDone || refusal != nil }
  }

  /// A client that sends pieces by offset, each again and again until it sees the answer.
  private struct Client {
    let input: [UInt8]
    var offset = 0
    var size = 0
    var pending: Giver?
    var isOver: Bool { offset == input.count && pending == nil && closeWasTaken }
    var closeWasTaken = false

    var isLast: Bool { offset + size == input.count }
    var piece: [UInt8] { Array(input[offset..<offset + size]) }
  }

  @Test(arguments: 0..<1000)
  func eachByteArrivesOnce(seed: UInt64) throws {
    var random = SplitMix(seed: seed)
    let input = (0..<Int.random(in: 0...300, using: &random)).map { UInt8(truncatingIfNeeded: $0) }
    var client = Client(input: input)
    var queue = InputQueue()
    let pipe = Pipe()
    for step in 0..<10_000 where !client.isOver {
      try act(&client, &queue, pipe, &random)
      #expect(pipe.bytes.elementsEqual(input.prefix(pipe.bytes.count)), "step \(step)")
    }
    try #require(client.isOver, "the client got through")
    #expect(pipe.bytes == input)
    #expect(pipe.isClosed)
  }

  private func act(
    _ client: inout Client, _ queue: inout InputQueue, _ pipe: Pipe, _ random: inout SplitMix
  ) throws {
    switch Int.random(in: 0..<10, using: &random) {
    case 0..<4:
      pipe.room += Int.random(in: 0...60, using: &random)
      queue.pump(into: pipe, error: 0)
    case 4..<8:
      if client.pending == nil { send(&client, &queue, pipe, &random) }
    case 8:
      // The api process dies: its answers are not seen. What it asked for goes on.
      client.pending = nil
    default:
      // An upgrade: what the pipe has not taken is forgotten, and so are those who wait.
      client.pending = nil
      queue = InputQueue(taken: UInt64(pipe.bytes.count), isClosed: pipe.isClosed)
    }
    try take(&client, pipe)
  }

  private func send(
    _ client: inout Client, _ queue: inout InputQueue, _ pipe: Pipe, _ random: inout SplitMix
  ) {
    // A retry has at least what was sent before: the rest of the body may have grown.
    client.size = max(client.size, Int.random(in: 0...client.input.count - client.offset, using: &random))
    let giver = Giver()
    client.pending = giver
    queue.add(client.piece, at: UInt64(client.offset), close: client.isLast, sink: pipe, answer: giver.take)
  }

  /// The client looks for its answer.
  private func take(_ client: inout Client, _ pipe: Pipe) throws {
    guard let giver = client.pending, giver.isAnswered else { return }
    try #require(giver.refusal == nil, "\(giver.refusal!.text)")
    #expect(pipe.bytes.count >= client.offset + client.size, "taken, as was said")
    client.closeWasTaken = client.isLast
    if client.isLast { #expect(pipe.isClosed) }
    client.offset += client.size
    (client.size, client.pending) = (0, nil)
  }

  @Test func aGapIsRefused() {
    var queue = InputQueue()
    let giver = Giver()
    let pipe = Pipe()
    queue.add([1], at: 1, close: false, sink: pipe, answer: giver.take)
    #expect(giver.refusal?.reason == .conflict)
    #expect(pipe.bytes.isEmpty)
  }

  @Test func whenTheReaderIsGoneAllAreRefused() {
    var queue = InputQueue()
    let pipe = Pipe()
    let givers = (0..<3).map { _ in Giver() }
    for giver in givers { queue.add([1, 2], at: nil, close: false, sink: pipe, answer: giver.take) }
    pipe.readerIsGone = true
    queue.pump(into: pipe, error: -32)
    #expect(givers.allSatisfy { $0.refusal?.reason == .conflict })
  }

  /// A supervisor was killed while it wrote: what the pipe has is not known, and nothing more goes there.
  @Test func aQueueThatIsUncertainTakesNothing() {
    let pipe = Pipe()
    pipe.room = 100
    var queue = InputQueue(taken: 3, isUncertain: true)
    for (offset, close) in [(UInt64(3), false), (4, false), (3, true)] {
      let giver = Giver()
      queue.add([1, 2], at: offset, close: close, sink: pipe, answer: giver.take)
      #expect(giver.refusal?.reason == .conflict)
    }
    let giver = Giver()
    queue.add([1, 2], at: 3, close: false, sink: pipe, answer: giver.take)
    #expect(giver.refusal == InputQueue.uncertain)
    #expect(pipe.bytes.isEmpty && !pipe.isClosed)
  }

  /// An earlier daemon had more than the terminal: somebody types on, and what is sent again is not typed twice.
  @Test func aTerminalsGapIsGivenUp() {
    let pipe = Pipe()
    pipe.room = 100
    var queue = InputQueue(taken: 3, skipsGaps: true)
    for _ in 0..<2 {
      let giver = Giver()
      queue.add([1, 2], at: 10, close: false, sink: pipe, answer: giver.take)
      #expect(giver.isDone && queue.received == 12)
    }
    let giver = Giver()
    queue.add([1, 2, 3], at: 10, close: false, sink: pipe, answer: giver.take)
    #expect(giver.isDone && pipe.bytes == [1, 2, 3])
  }
}

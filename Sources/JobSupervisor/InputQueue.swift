import JobEngine
import JobModel

/// Bytes on their way into a job's open standard input. Each piece is acknowledged when the pipe has taken it, and
/// the api process sends no further piece of a request before that: the pipe's pace is the client's.
struct InputQueue {
  /// Tells who waits for a piece that it was taken, or why not.
  typealias Answer = (Refusal?) -> Void

  private struct Piece {
    let bytes: [UInt8]
    let close: Bool
    let answer: Answer
  }

  /// Pieces of requests under way at once; one each.
  private static let most = 64
  private var pieces: [Piece] = []
  private var taken = 0
  /// Told of bytes that wait from now on, or, less than 0, no more.
  var account: (Int) -> Void = { _ in }
  /// Bytes that were ever added.
  private(set) var received: UInt64
  private var closed: Bool
  /// A piece said that it is the last.
  private var isComplete: Bool

  /// How much the job got is not known: no more can be written at the right place.
  static let uncertain = Refusal(
    reason: .conflict,
    text:
      "the daemon was killed while it wrote to the job's standard input: how much of it the job got is not known"
  )
  private let refusal: Refusal
  /// What is missing is given up: somebody types on.
  private let skipsGaps: Bool

  /// `taken`: bytes that an earlier queue of the job wrote, `isUncertain`: and perhaps more. `skipsGaps`: of a terminal.
  init(taken: UInt64 = 0, isClosed: Bool = false, isUncertain: Bool = false, skipsGaps: Bool = false) {
    self.skipsGaps = skipsGaps
    received = taken
    closed = isClosed || isUncertain
    isComplete = isClosed
    refusal = isUncertain ? Self.uncertain : Refusal.inputEnded
  }

  /// `offset`: where `bytes` begin in all of the input. What came before, from a client that did not see the answer,
  /// is not written again. What an earlier queue took, and no terminal had when that ended, is lost, and counts as received.
  mutating func add(
    _ bytes: [UInt8], at offset: UInt64?, close: Bool, sink: (any InputSink)?, answer: @escaping Answer
  ) {
    if let offset, offset > received, !skipsGaps {
      let text = "the input from byte \(received) to \(offset) is missing"
      return answer(Refusal(reason: .conflict, text: text))
    }
    if let offset { received = max(received, offset) }
    let known = offset.map { min(received - $0, UInt64(bytes.count)) } ?? 0
    let isRepeated = offset != nil && known == bytes.count
    if isComplete, isRepeated, pieces.isEmpty { return answer(nil) }
    guard !closed, !isComplete || isRepeated else { return answer(refusal) }
    guard pieces.count < Self.most else {
      return answer(Refusal(reason: .tooMany, text: "more than \(Self.most) requests feed this job"))
    }
    received += UInt64(bytes.count) - known
    isComplete = isComplete || close
    let piece = Piece(bytes: Array(bytes.dropFirst(Int(known))), close: close, answer: answer)
    pieces.append(piece)
    account(piece.bytes.count)
    if pieces.count == 1 { pump(into: sink, error: 0) }
  }

  /// Writes what the pipe takes. `sink` nil: not launched yet; called again when it is.
  mutating func pump(into sink: (any InputSink)?, error: Int32) {
    guard error == 0 else { return refuseAll() }
    guard let sink else { return }
    while let piece = pieces.first {
      let count = piece.bytes.withUnsafeBytes {
        sink.writeInput(UnsafeRawBufferPointer(rebasing: $0[taken...]))
      }
      guard count >= 0 else { return refuseAll() }
      taken += count
      guard taken == piece.bytes.count else { return }
      taken = 0
      pieces.removeFirst()
      account(-piece.bytes.count)
      piece.answer(nil)
      if piece.close { return close(sink) }
    }
  }

  /// What waits behind the last piece is a repetition of it.
  private mutating func close(_ sink: any InputSink) {
    sink.closeInput()
    closed = true
    for piece in takeAll() { piece.answer(nil) }
  }

  /// The job takes no more input, for this reason.
  mutating func refuseAll(_ refusal: Refusal = .inputEnded) {
    closed = true
    for piece in takeAll() { piece.answer(refusal) }
    taken = 0
  }

  private mutating func takeAll() -> [Piece] {
    defer { pieces.removeAll() }
    account(-pieces.reduce(0) { $0 + $1.bytes.count })
    return pieces
  }
}

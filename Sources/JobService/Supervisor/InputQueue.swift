import Glibc

/// Bytes on their way into a job's open standard input. Each piece is acknowledged when the pipe has taken it, and
/// the api process sends no further piece of a request before that: the pipe's pace is the client's.
struct InputQueue {
  private struct Piece {
    let bytes: [UInt8]
    let close: Bool
    let caller: Caller
  }

  /// Pieces of requests under way at once; one each.
  private static let most = 64
  private var pieces: [Piece] = []
  private var taken = 0
  /// Bytes that were ever added.
  private var received: UInt64
  private var closed = false
  /// A piece said that it is the last.
  private var isComplete = false

  static let ended = Refusal(
    reason: .conflict, text: "the job's standard input is closed: the job ended or closed it")

  /// How much the job got is not known: no more can be written at the right place.
  static let uncertain = Refusal(
    reason: .conflict,
    text:
      "the daemon was killed while it wrote to the job's standard input: how much of it the job got is not known"
  )
  private let refusal: Refusal

  /// `taken`: bytes that an earlier queue of the job wrote, `isUncertain`: and perhaps more.
  init(taken: UInt64 = 0, isClosed: Bool = false, isUncertain: Bool = false) {
    received = taken
    closed = isClosed || isUncertain
    isComplete = isClosed
    refusal = isUncertain ? Self.uncertain : Self.ended
  }

  /// Bytes that the pipe took, of all that was ever added.
  var takenInAll: UInt64 { received - pieces.reduce(0) { $0 + UInt64($1.bytes.count) } + UInt64(taken) }

  /// `offset`: where `bytes` begin in all of the input. What came before, from a client that did not see the answer,
  /// is not written again.
  mutating func add(_ bytes: [UInt8], at offset: UInt64?, close: Bool, caller: Caller, job: RunningJob?) {
    if let offset, offset > received {
      let text = "the input from byte \(received) to \(offset) is missing"
      return caller.refuse(Refusal(reason: .conflict, text: text))
    }
    let known = offset.map { min(received - $0, UInt64(bytes.count)) } ?? 0
    let isRepeated = offset != nil && known == bytes.count
    if isComplete, isRepeated, pieces.isEmpty { return caller.answerDone() }
    guard !closed, !isComplete || isRepeated else { return caller.refuse(refusal) }
    guard pieces.count < Self.most else {
      return caller.refuse(Refusal(reason: .tooMany, text: "more than \(Self.most) requests feed this job"))
    }
    received += UInt64(bytes.count) - known
    isComplete = isComplete || close
    pieces.append(Piece(bytes: Array(bytes.dropFirst(Int(known))), close: close, caller: caller))
    if pieces.count == 1 { pump(into: job, error: 0) }
  }

  /// Writes what the pipe takes. `job` nil: not launched yet; called again when it is.
  mutating func pump(into job: RunningJob?, error: Int32) {
    guard error == 0 else { return refuseAll() }
    guard let job else { return }
    while let piece = pieces.first {
      let count = piece.bytes.withUnsafeBytes {
        job.writeInput(UnsafeRawBufferPointer(rebasing: $0[taken...]))
      }
      guard count >= 0 else { return refuseAll() }
      taken += count
      guard taken == piece.bytes.count else { return }
      taken = 0
      pieces.removeFirst()
      piece.caller.answerDone()
      if piece.close { return close(job) }
    }
  }

  /// What waits behind the last piece is a repetition of it.
  private mutating func close(_ job: RunningJob) {
    job.closeInput()
    closed = true
    for piece in pieces { piece.caller.answerDone() }
    pieces.removeAll()
  }

  /// The job takes no more input.
  mutating func refuseAll() {
    closed = true
    for piece in pieces { piece.caller.refuse(Self.ended) }
    pieces.removeAll()
    taken = 0
  }
}

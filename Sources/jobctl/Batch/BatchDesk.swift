import JobAPI
import JobClient
import Platform

/// The book, and who waits for what in it. Any thread.
final class BatchDesk: Sendable {
  /// What the sender waits for.
  enum Awaited { case room, end }

  private struct State {
    var book: BatchBook
    var awaited: Awaited?
    var isClosed = false
  }

  private let state: Mutex<State>
  private let sender = Semaphore()
  /// One for each command that is to be dealt with.
  private let ended = Semaphore()
  let dealers: Int

  /// `dealers`: threads that call ``nextEnded()``.
  init(_ rules: BatchBook.Rules, dealers: Int) {
    state = Mutex(State(book: BatchBook(rules)))
    self.dealers = dealers
  }

  func with<Result>(_ body: (inout BatchBook) -> Result) -> Result {
    let (result, new, wakes) = state.withLock { state in
      let before = state.book.endedInAll
      let result = body(&state.book)
      let wakes = state.awaited.map { Self.isThere($0, state.book) } ?? false
      if wakes { state.awaited = nil }
      return (result, state.book.endedInAll - before, wakes)
    }
    for _ in 0..<new { ended.post() }
    if wakes { sender.post() }
    return result
  }

  private static func isThere(_ awaited: Awaited, _ book: BatchBook) -> Bool {
    if book.fault != nil { return true }
    switch awaited {
    case .room: return book.room > 0 || book.isStopping
    case .end: return !book.isBusy
    }
  }

  /// Waits at most so long. True: it is there. Throws what ended the run.
  func wait(_ awaited: Awaited, milliseconds: Int64) throws -> Bool {
    let isThere = state.withLock { state in
      let isThere = Self.isThere(awaited, state.book)
      state.awaited = isThere ? nil : awaited
      return isThere
    }
    // One post too many ends the next wait early, and does no harm.
    if !isThere { _ = sender.wait(milliseconds: milliseconds) }
    return try state.withLock { state in
      if let fault = state.book.fault { throw fault }
      return Self.isThere(awaited, state.book)
    }
  }

  /// Waits for a command that is to be dealt with; nil: there will be none.
  func nextEnded() -> BatchBook.Ended? {
    while true {
      ended.wait()
      let (next, isOver) = state.withLock { state in
        // With the connection gone none of them could be dealt with.
        let isFaulty = state.book.fault != nil
        return (isFaulty ? nil : state.book.nextEnded(), isFaulty || state.isClosed)
      }
      if next != nil || isOver { return next }
    }
  }

  /// Nothing will end any more.
  func close() {
    state.withLock { $0.isClosed = true }
    for _ in 0..<dealers { ended.post() }
  }

  func fail(_ error: any Error) { with { $0.fail(error) } }
  var counts: BatchBook.Counts { with { $0.counts } }
}

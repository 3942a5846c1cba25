import CJobHTTP

/// What goes on in an exchange after its head was handled: a body that comes, an answer that is waited for, a reply
/// that is streamed. Worker's thread only.
class ExchangeTask {
  unowned let worker: Worker
  /// Called when the exchange is over.
  var onEnd: ((ExchangeEnd) -> Void)?

  init(_ worker: Worker) { self.worker = worker }

  /// Body bytes as they come; with a whole body there is one call, with `last`.
  func body(_ exchange: Exchange, _ bytes: UnsafeRawBufferPointer, last: Bool) {}
  /// More of the reply may be written.
  func writable(_ exchange: Exchange) {}
  /// What it observes has changed, its time is up, or it has more to do than it may do in one turn.
  func wake(_ exchange: Exchange) {}
  /// The exchange is over.
  func ended(_ end: ExchangeEnd) { onEnd?(end) }
}

/// How an exchange came to its end.
enum ExchangeEnd {
  /// All of the reply is given to the socket.
  case complete
  /// The client closed the connection.
  case left
  /// The daemon did.
  case cut

  init(_ end: jc_end) {
    self = end == JC_END_COMPLETE ? .complete : end == JC_END_LEFT ? .left : .cut
  }
}

/// A request that is handled when its body has come, whole or piece by piece.
final class BodyTask: ExchangeTask {
  private let handle: (Exchange, UnsafeRawBufferPointer, _ last: Bool) throws -> Void

  init(
    _ worker: Worker, _ handle: @escaping (Exchange, UnsafeRawBufferPointer, _ last: Bool) throws -> Void
  ) {
    self.handle = handle
    super.init(worker)
  }

  override func body(_ exchange: Exchange, _ bytes: UnsafeRawBufferPointer, last: Bool) {
    do { try handle(exchange, bytes, last) } catch { worker.fail(exchange, error) }
  }
}

/// A reply that is sent as the client takes it and as there is more to send.
class StreamTask: ExchangeTask {
  /// What the log says when it breaks off.
  private let failure: StaticString
  private var isOver = false

  init(_ worker: Worker, failure: StaticString) {
    self.failure = failure
    super.init(worker)
  }

  /// Sends what there is. True: that was all.
  func send(_ exchange: Exchange) throws -> Bool { true }

  final override func wake(_ exchange: Exchange) { pump(exchange) }
  final override func writable(_ exchange: Exchange) { pump(exchange) }

  private func pump(_ exchange: Exchange) {
    guard !isOver, !exchange.isFull else { return }
    do {
      isOver = try send(exchange)
      if isOver { exchange.endReply() }
    } catch {
      worker.api.log.error(failure, ["error": "\(error)"])
      isOver = true
      exchange.abortReply()
    }
  }
}

import JobAPI
import JobModel
import Platform

/// Decodes batches on a thread of its own: a thousand jobs take tens of milliseconds, in which a worker would serve
/// nobody else. The batches of one client are decoded in order, those of many in turn. Any thread.
final class BatchDecoder: Sendable {
  typealias Creations = [Result<ApiRequest.Creation, InvalidRequest>]

  private struct Batch: Sendable {
    let body: [UInt8]
    let creator: Creator
    let isRun: Bool
    let then: @Sendable (Result<Creations, any Error>) -> Void
  }

  private let queue = WorkQueue<Batch>()

  init() throws(SystemError) {
    _ = try SystemThread.start("batches") { [queue] in
      while let batches = queue.take(1) {
        for batch in batches { batch.then(Result { try Self.decode(batch) }) }
      }
    }
  }

  /// `client`: whose turn it takes. `then` is called on the decoder's thread.
  func decode(
    _ body: UnsafeRawBufferPointer, of client: Int64, _ creator: Creator, isRun: Bool = false,
    then: @escaping @Sendable (Result<Creations, any Error>) -> Void
  ) {
    queue.put(Batch(body: Array(body), creator: creator, isRun: isRun, then: then), of: client)
  }

  private static func decode(_ batch: Batch) throws -> Creations {
    let creator = batch.creator
    return try batch.body.withUnsafeBytes { body in
      if batch.isRun {
        let jobs = try BatchAttempt<RunRequest>(strictJSON: body).jobs.enumerated()
        return jobs.map { index, job in job.flatMap(creator.forJob(index).run) }
      }
      let jobs = try BatchAttempt<CreateRequest>(strictJSON: body).jobs.enumerated()
      return jobs.map { index, job in job.map(creator.forJob(index).creation) }
    }
  }
}

extension Worker {
  /// Decodes a batch; `then` is called on the worker's thread, unless the exchange is over by then. What is no batch is
  /// replied.
  func decodeBatch(
    _ bytes: UnsafeRawBufferPointer, _ exchange: Exchange, _ creator: Creator, isRun: Bool = false,
    then: @escaping (Exchange, BatchPieces) -> Void
  ) {
    let number = exchange.number
    // Called, and let go, on the worker's thread alone.
    nonisolated(unsafe) let then = then
    api.batches.decode(bytes, of: Int64(exchange.principal.client), creator, isRun: isRun) { [self] result in
      loop.post { [self] in
        guard let exchange = self.exchange(number) else { return }
        do { then(exchange, BatchPieces(try result.get())) } catch { fail(exchange, error) }
      }
    }
  }
}

/// The creations of a batch, which are taken some at a time: others have their turn between them.
struct BatchPieces {
  let count: Int
  private var rest: ArraySlice<BatchDecoder.Creations.Element> = []
  private static let most = 64

  init(_ creations: BatchDecoder.Creations = []) { (count, rest) = (creations.count, creations[...]) }

  var isEmpty: Bool { rest.isEmpty }

  /// Some of them, with their places in the batch; the exchange is woken when there are more.
  mutating func take(_ exchange: Exchange) -> Zip2Sequence<
    Range<Int>, ArraySlice<BatchDecoder.Creations.Element>
  > {
    let some = rest.prefix(Self.most)
    rest = rest.dropFirst(Self.most)
    if !rest.isEmpty { exchange.wake() }
    return zip(some.indices, some)
  }
}

import JobAPI
import JobModel

/// A request on one job that has a body.
class JobTask: ExchangeTask {
  fileprivate unowned let worker: Worker
  fileprivate let record: JobRecord

  init(_ worker: Worker, _ entry: JobTable.Entry) {
    self.worker = worker
    record = entry.record
  }
}

/// `POST /jobs/<id>/signal`.
final class SignalTask: JobTask {
  override func body(_ exchange: Exchange, _ bytes: UnsafeRawBufferPointer, last: Bool) {
    do {
      let request = try SignalRequest(strictJSON: bytes)
      let (client, id) = (record.client, record.id)
      worker.ask(for: exchange) { ticket in
        .signal(
          ticket: ticket, client: client, id: id, signal: request.signal.number, tree: request.tree ?? false)
      } then: { [unowned worker] exchange, answer in
        if case .refused(let refusal) = answer { return worker.fail(exchange, Problem(refusal)) }
        exchange.reply(200, type: "application/json", body: Array("{}".utf8))
      }
    } catch {
      worker.fail(exchange, error)
    }
  }
}

/// `POST /jobs/<id>/stop`: answered when the job has ended.
final class StopTask: JobTask {
  override func body(_ exchange: Exchange, _ bytes: UnsafeRawBufferPointer, last: Bool) {
    do {
      let grace = bytes.isEmpty ? nil : try StopRequest(strictJSON: bytes).grace
      let (client, id) = (record.client, record.id)
      let milliseconds = grace.map { UInt64($0.milliseconds) }
      worker.ask(for: exchange) { ticket in
        .stop(ticket: ticket, client: client, id: id, grace: milliseconds)
      } then: { [unowned self] exchange, answer in
        self.answered(exchange, answer)
      }
    } catch {
      worker.fail(exchange, error)
    }
  }

  private func answered(_ exchange: Exchange, _ answer: Answer) {
    if case .refused(let refusal) = answer { return worker.fail(exchange, Problem(refusal)) }
    do {
      let entry = worker.api.table.entry(record.id, of: record.client)
      worker.replyStatus(try entry?.record ?? worker.stored(record.id, of: record.client, .stop), exchange)
    } catch {
      worker.fail(exchange, error)
    }
  }
}

import JobAPI
import JobModel

extension Worker {
  /// `POST /jobs/<id>/signal`.
  func signal(_ record: JobRecord, _ exchange: Exchange, _ body: UnsafeRawBufferPointer) throws {
    let signal = try SignalRequest(strictJSON: body)
    guard !record.isQueued else { throw Problem(.notStarted) }
    let by = exchange.principal.by
    request(for: exchange) { ticket in
      .signal(
        ticket: ticket, by: by, client: record.client, id: record.id, signal: signal.signal.number,
        tree: signal.tree ?? false)
    } then: { exchange, _ in
      exchange.reply(encoded: Array("{}".utf8))
    }
  }

  /// `POST /jobs/<id>/resize`. `writer`: who does it.
  func resize(
    _ record: JobRecord, as writer: String?, _ exchange: Exchange, _ body: UnsafeRawBufferPointer
  ) throws {
    let size = try TerminalSize(strictJSON: body)
    try api.writers.require(record.id, writer)
    guard !record.isQueued else { throw Problem(.notStarted) }
    let by = exchange.principal.by
    request(for: exchange) { ticket in
      .resize(
        ticket: ticket, by: by, client: record.client, id: record.id, rows: UInt16(size.rows),
        columns: UInt16(size.columns))
    } then: { exchange, _ in
      exchange.reply(encoded: Array("{}".utf8))
    }
  }

  /// `POST /jobs/<id>/stop`: answered when the job has ended.
  func stop(_ record: JobRecord, _ exchange: Exchange, _ body: UnsafeRawBufferPointer) throws {
    let asked = body.isEmpty ? StopRequest() : try StopRequest(strictJSON: body)
    guard record.state == .running else { return replyStatus(record, exchange) }
    let by = exchange.principal.by
    request(for: exchange) { ticket in
      .stop(
        ticket: ticket, by: by, client: record.client, id: record.id,
        grace: asked.grace.map { UInt64($0.milliseconds) }, queued: asked.queued ?? false)
    } then: { [unowned self] exchange, _ in
      let entry = api.table.entry(record.id, of: record.client)
      replyStatus(try entry?.record ?? stored(record.id, of: record.client, .stop), exchange)
    }
  }

  /// `DELETE /jobs/<id>`.
  func delete(_ id: JobID, _ exchange: Exchange, _ head: RequestHead) throws {
    _ = try head.query()
    let (record, by) = (try job(id, exchange.principal, .delete).record, exchange.principal.by)
    request(for: exchange) { ticket in
      .delete(ticket: ticket, by: by, client: record.client, id: id)
    } then: { exchange, _ in
      exchange.reply(200)
    }
  }
}

import CJobHTTP
import JobAPI
import JobModel

/// `PUT /jobs/<id>/stdin`: the body goes into the job's standard input as fast as the job reads it.
extension Worker {
  func beginInput(_ id: JobID, _ exchange: Exchange, _ head: RequestHead) throws -> jc_body {
    let query = try head.query(allowed: "close", "offset")
    let close = try query.flag("close", default: true)
    // Where the next piece belongs in all of the input, if the client said so.
    var offset = try query.number("offset")
    let record = try job(id, of: exchange.client, .stdin).record
    guard record.state == .running else { throw Problem(.inputEnded) }
    // One piece of the body is on its way at a time: the next is read when the job's pipe has taken it.
    return begin(exchange, head, JC_BODY_STREAM) { [unowned self] exchange, bytes, last in
      if !last { jc_exchange_pause_body(exchange.pointer) }
      let at = offset
      offset = offset.map { $0 + UInt64(bytes.count) }
      request(for: exchange) { ticket in
        .input(
          ticket: ticket, client: record.client, id: id, offset: at, bytes: [UInt8](bytes),
          close: last && close)
      } then: { exchange, _ in
        guard last else { return jc_exchange_resume_body(exchange.pointer) }
        exchange.reply(encoded: Array("{}".utf8))
      }
    }
  }
}

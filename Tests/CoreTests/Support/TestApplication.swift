import CJobHTTP
import Glibc

/// What the test server answers: a route for each thing a handler can do.
extension TestServer {
  private static func of(_ context: UnsafeMutableRawPointer?) -> TestServer {
    Unmanaged<TestServer>.fromOpaque(context!).takeUnretainedValue()
  }

  static let handler = jc_handler(
    opened: { context, name, length in
      let server = TestServer.of(context)
      let text = String(decoding: UnsafeRawBufferPointer(start: name, count: length), as: UTF8.self)
      server.note { $0.opened.append(text) }
      return text == "unknown" ? -1 : text == "greedy" ? -2 : Int64(text.utf8.count)
    },
    closed: { context, _ in TestServer.of(context).note { $0.closed += 1 } },
    head: { context, exchange, request in TestServer.of(context).head(exchange, request.pointee) },
    body: { context, exchange, bytes, length, last in
      let piece = UnsafeBufferPointer(start: bytes, count: length)
      TestServer.of(context).body(exchange, piece, last)
    },
    writable: { context, exchange in
      TestServer.of(context).note { $0.writable += 1 }
      TestServer.of(context).pour(exchange)
    },
    ended: { context, exchange, complete in
      let server = TestServer.of(context)
      let id = jc_exchange_id(exchange)
      server.bodies[id] = nil
      server.held.removeAll { $0 == id }
      server.note { $0.ended.append(complete) }
    },
    peer_failed: { context, peer, reason in
      TestServer.of(context).note { $0.failures.append(String(cString: reason)) }
    })

  static func reply(_ exchange: OpaquePointer, _ text: String, status: Int32 = 200, headers: String? = nil) {
    let bytes = Array(text.utf8)
    guard let headers else { return jc_reply(exchange, status, "text/plain", nil, bytes, bytes.count) }
    jc_reply(exchange, status, "text/plain", headers, bytes, bytes.count)
  }

  private func head(_ exchange: OpaquePointer, _ request: jc_request) -> jc_body {
    let path = RequestParserTests.text(request.path)
    if path != "/plain" && path != "/early" { jc_exchange_set_user(exchange, loopToken) }
    switch path {
    case "/plain": Self.reply(exchange, RequestParserTests.text(request.query), headers: "X-Extra: 1\r\n")
    case "/tag": Self.reply(exchange, "\(jc_exchange_tag(exchange))")
    case "/early": Self.reply(exchange, "no body wanted")
    case "/none": jc_reply(exchange, 204, nil, nil, nil, 0)
    case "/large": Self.reply(exchange, String(repeating: "x", count: 3_000_000))
    case "/chunked":
      let bytes = [UInt8](repeating: 0x78, count: Int(RequestParserTests.text(request.query)) ?? 0)
      jc_reply_begin(exchange, 200, nil, nil, -1)
      _ = jc_reply_write(exchange, bytes, bytes.count)
      jc_reply_end(exchange)
    case "/problem":
      let detail: [UInt8] = Array("quote \" slash \\ tab \t é ".utf8) + [0xff, 0xc0, 0xaf]
      detail.withUnsafeBytes {
        let text = $0.baseAddress!.assumingMemoryBound(to: CChar.self)
        jc_reply_problem(exchange, 409, "X-Extra: 1\r\n", text, detail.count)
      }
    case "/whole": return JC_BODY_WHOLE
    case "/stream", "/paused": return beginBody(exchange, paused: path == "/paused")
    case "/hold": held.append(jc_exchange_id(exchange))
    default: return beginReply(path, exchange)
    }
    return JC_BODY_NONE
  }

  private var loopToken: UnsafeMutableRawPointer { Unmanaged.passUnretained(self).toOpaque() }

  private func beginBody(_ exchange: OpaquePointer, paused: Bool) -> jc_body {
    bodies[jc_exchange_id(exchange)] = []
    if paused {
      held.append(jc_exchange_id(exchange))
      jc_exchange_pause_body(exchange)
    }
    return JC_BODY_STREAM
  }

  private func beginReply(_ path: String, _ exchange: OpaquePointer) -> jc_body {
    let size = fileSize
    switch path {
    case "/pour":
      left = 20_000_000
      jc_reply_begin(exchange, 200, "text/plain", nil, -1)
      pour(exchange)
    case "/file":
      jc_reply_begin(exchange, 200, nil, nil, Int64(size))
      jc_reply_file(exchange, open(file, O_RDONLY | O_CLOEXEC), 0, size)
      jc_reply_end(exchange)
    case "/chunked-file", "/short-file":
      jc_reply_begin(exchange, 200, nil, nil, -1)
      jc_reply_file(exchange, open(file, O_RDONLY | O_CLOEXEC), 10, path == "/short-file" ? size + 1 : size)
      jc_reply_end(exchange)
    case "/follow":
      held.append(jc_exchange_id(exchange))
      jc_reply_begin(exchange, 200, nil, nil, -1)
      jc_reply_file(exchange, open(file, O_RDONLY | O_CLOEXEC), 0, 0)
    case "/abort":
      jc_reply_begin(exchange, 200, nil, nil, 100)
      _ = jc_reply_write(exchange, "half", 4)
      held.append(jc_exchange_id(exchange))
    default: jc_reply_problem(exchange, 404, nil, "no such route", 13)
    }
    return JC_BODY_NONE
  }

  private var fileSize: UInt64 {
    var status = stat()
    return stat(file, &status) == 0 ? UInt64(status.st_size) : 0
  }

  private func body(_ exchange: OpaquePointer, _ piece: UnsafeBufferPointer<UInt8>, _ last: Bool) {
    note { $0.bodyPieces += 1 }
    let id = jc_exchange_id(exchange)
    if bodies[id] == nil {
      return jc_reply(exchange, 200, "application/octet-stream", nil, piece.baseAddress, piece.count)
    }
    bodies[id]!.append(contentsOf: piece)
    if last {
      Self.reply(exchange, "\(bodies[id]!.count) \(bodies[id]!.reduce(0) { ($0 &* 31) &+ Int($1) })")
    }
  }

  /// Writes until the high-water mark.
  func pour(_ exchange: OpaquePointer) {
    let piece = [UInt8](repeating: 0x61, count: 10_000)
    while left > 0 {
      left -= piece.count
      if !jc_reply_write(exchange, piece, piece.count) { return }
    }
    jc_reply_end(exchange)
  }

  /// On the loop's thread: the exchange that was held first.
  func firstHeld() -> OpaquePointer? { held.first.flatMap { jc_server_exchange(server!, $0) } }
}

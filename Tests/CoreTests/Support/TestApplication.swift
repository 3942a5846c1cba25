import CJobHTTP
import CJobWire
import Glibc

/// What the test server answers: a route for each thing a handler can do.
extension TestServer {
  private static func of(_ context: UnsafeMutableRawPointer?) -> TestServer {
    Unmanaged<TestServer>.fromOpaque(context!).takeUnretainedValue()
  }

  /// To whom its connection is counted.
  static func client(of exchange: OpaquePointer) -> Int64 {
    Int64(Int(bitPattern: jc_exchange_peer(exchange)))
  }

  static let handler = jc_handler(
    opened: { context, peer, user in
      let server = TestServer.of(context)
      let text = String(cString: peer.pointee.name)
      server.note { $0.opened.append(text) }
      let refused: [String: Int64] = ["unknown": -1, "greedy": -2]
      if let refusal = refused[text] { return refusal }
      user.pointee = UnsafeMutableRawPointer(bitPattern: text.utf8.count)
      return Int64(text.utf8.count)
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
    woken: { context, exchange in TestServer.of(context).onWoken(exchange) },
    ended: { context, exchange, end in
      let server = TestServer.of(context)
      let id = jc_exchange_id(exchange)
      server.bodies[id] = nil
      server.held.removeAll { $0 == id }
      server.note { $0.ended.append(end == JC_END_COMPLETE) }
    },
    peer_failed: { context, failure in
      let failure = failure.pointee
      TestServer.of(context).note {
        $0.failures.append(String(cString: failure.reason))
        if failure.handshake {
          $0.strangers.append(
            (failure.name.map { String(cString: $0) }, failure.serial.map { String(cString: $0) }))
        }
      }
    })

  typealias Field = (name: String, value: String)
  /// What must not reach a client: it would be taken for another field, or for the end of them.
  static let malformedFields: [Field] = [
    ("X", "a\r\nY: b"), ("X", "a\nb"), ("X", "a\rb"), ("X", "a\0b"), ("X y", "a"), ("X\r\nY", "a"),
    ("X:", "a"),
    ("", "a"),
  ]

  static func reply(_ exchange: OpaquePointer, _ text: String, field: Field? = nil) {
    let bytes = Array(text.utf8)
    withHead(200, "text/plain", field) { jc_reply(exchange, $0, bytes, bytes.count) }
  }

  private static func withHead(
    _ status: Int32, _ type: String = "", _ field: Field? = nil,
    _ body: (UnsafePointer<jc_reply_head>) -> Void
  ) {
    withSlice(type) { type in
      withSlice(field?.name ?? "") { name in
        withSlice(field?.value ?? "") { value in
          withUnsafePointer(to: jw_field(name: name, value: value)) {
            var head = jc_reply_head(status: status, type: type, fields: $0, count: field == nil ? 0 : 1)
            body(&head)
          }
        }
      }
    }
  }

  private static func withSlice(_ text: String, _ body: (jw_slice) -> Void) {
    text.withCString { body(jw_slice(bytes: $0, length: text.utf8.count)) }
  }

  private static func begin(_ exchange: OpaquePointer, length: Int64 = -1) {
    withHead(200) { jc_reply_begin(exchange, $0, length) }
  }

  private func head(_ exchange: OpaquePointer, _ request: jc_request) -> jc_body {
    let path = RequestParserTests.text(request.path)
    if path != "/plain" && path != "/early" { jc_exchange_set_user(exchange, loopToken) }
    switch path {
    case "/plain": Self.reply(exchange, RequestParserTests.text(request.query), field: ("X-Extra", "1"))
    case "/malformed":
      Self.reply(exchange, "", field: Self.malformedFields[Int(RequestParserTests.text(request.query))!])
    case "/tag": Self.reply(exchange, "\(TestServer.client(of: exchange))")
    case "/early": Self.reply(exchange, "no body wanted")
    case "/none": Self.withHead(204) { jc_reply(exchange, $0, nil, 0) }
    case "/large": Self.reply(exchange, String(repeating: "x", count: 3_000_000))
    case "/chunked":
      let bytes = [UInt8](repeating: 0x78, count: Int(RequestParserTests.text(request.query)) ?? 0)
      Self.begin(exchange)
      _ = jc_reply_write(exchange, bytes, bytes.count)
      jc_reply_end(exchange)
    case "/problem":
      let detail: [UInt8] = Array("quote \" slash \\ tab \t é ".utf8) + [0xff, 0xc0, 0xaf]
      detail.withUnsafeBytes {
        let text = $0.baseAddress!.assumingMemoryBound(to: CChar.self)
        Self.withHead(409, "", ("X-Extra", "1")) { jc_reply_problem(exchange, $0, text, detail.count) }
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
      Self.begin(exchange)
      pour(exchange)
    case "/file":
      Self.begin(exchange, length: Int64(size))
      jc_reply_file(exchange, open(file, O_RDONLY | O_CLOEXEC), 0, size)
      jc_reply_end(exchange)
    case "/chunked-file", "/short-file":
      Self.begin(exchange)
      jc_reply_file(exchange, open(file, O_RDONLY | O_CLOEXEC), 10, path == "/short-file" ? size + 1 : size)
      jc_reply_end(exchange)
    case "/follow":
      held.append(jc_exchange_id(exchange))
      Self.begin(exchange)
      jc_reply_file(exchange, open(file, O_RDONLY | O_CLOEXEC), 0, 0)
    case "/abort":
      Self.begin(exchange, length: 100)
      _ = jc_reply_write(exchange, "half", 4)
      held.append(jc_exchange_id(exchange))
    default: Self.withHead(404) { jc_reply_problem(exchange, $0, "no such route", 13) }
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
      return Self.withHead(200, "application/octet-stream") {
        jc_reply(exchange, $0, piece.baseAddress, piece.count)
      }
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

  /// On the loop's thread: wakes all that are held, in the order of their coming.
  func wakeHeld() {
    for id in held { if let exchange = jc_server_exchange(server!, id) { jc_exchange_wake(exchange) } }
  }

  /// On the loop's thread: the exchange that was held first.
  func firstHeld() -> OpaquePointer? { held.first.flatMap { jc_server_exchange(server!, $0) } }
}

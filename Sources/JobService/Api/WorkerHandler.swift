import CJobHTTP
import JobAPI
import JobModel
import JobStore
import Platform

/// The server's callbacks, each on the worker's thread.
extension Worker {
  static let handler = jc_handler(
    opened: { context, peer, user in Worker.of(context).opened(peer.pointee, user) },
    closed: { context, user in
      Worker.of(context).closed(Unmanaged<Principal>.fromOpaque(user!).takeRetainedValue())
    },
    head: { context, exchange, request in
      Worker.of(context).head(Exchange(pointer: exchange), RequestHead(request.pointee))
    },
    body: { context, exchange, bytes, length, last in
      let exchange = Exchange(pointer: exchange)
      exchange.task?.body(exchange, UnsafeRawBufferPointer(start: bytes, count: length), last: last)
    },
    writable: { context, exchange in
      let exchange = Exchange(pointer: exchange)
      exchange.task?.writable(exchange)
    },
    woken: { context, exchange in
      let exchange = Exchange(pointer: exchange)
      exchange.task?.wake(exchange)
    },
    ended: { context, exchange, end in
      let exchange = Exchange(pointer: exchange)
      exchange.task?.ended(ExchangeEnd(end))
      exchange.releaseTask()
    },
    peer_failed: { context, failure in Worker.of(context).peerFailed(failure.pointee) })

  private static func of(_ context: UnsafeMutableRawPointer?) -> Worker {
    Unmanaged<Worker>.fromOpaque(context!).takeUnretainedValue()
  }

  private func peerFailed(_ failure: jc_failure) {
    let (peer, reason) = (String(cString: failure.address), String(cString: failure.reason))
    api.log.info("peer_failed", ["peer": peer, "reason": reason])
    if failure.handshake { api.strangers?.add(Stranger(failure)) }
  }

  private func opened(_ peer: jc_peer, _ user: UnsafeMutablePointer<UnsafeMutableRawPointer?>) -> Int64 {
    guard let name = String(validatingCString: peer.name) else { return -1 }
    do {
      let opened = try api.clients.open(name) { () throws(StoreError) in try reader.clientNumber(name) }
      if let opened {
        let settings = api.clients.settings(opened)
        api.budget.allow(opened, settings.memory)
        let principal = principal(opened, Peer(peer, name, settings.role))
        user.pointee = Unmanaged.passRetained(principal).toOpaque()
        return Int64(opened)
      }
      api.counts.add(.refusedConnections, worker: index)
      return -2
    } catch {
      api.log.error("client_not_found", ["error": "\(error)"])
      return -3
    }
  }

  private func head(_ exchange: Exchange, _ head: RequestHead) -> jc_body {
    do {
      try head.requireOwnSite()
      switch RouteMatch(method: head.method, path: head.path) {
      case .route(let route, let id):
        try exchange.principal.require(route, id)
        return try begin(route, id, exchange, head)
      case .unknownJob(let route): throw NoSuchJob(route)
      case .otherMethod(let allow):
        throw Problem(405, "this route has the methods \(allow)", fields: [HeaderField("Allow", allow)])
      case .unknown: throw Problem(404, "there is no such route")
      }
    } catch {
      fail(exchange, error)
      return JC_BODY_NONE
    }
  }

  /// The one place where errors become replies. Internals go to the log, never to the client.
  func fail(_ exchange: Exchange, _ error: any Error) {
    switch error {
    case let missing as NoSuchJob where missing.hasNoBody: exchange.reply(404)
    case is NoSuchJob: exchange.problem(404, Refusal.unknownJob.text)
    case let forbidden as Forbidden: fail(exchange, forbidden)
    case let problem as Problem: exchange.problem(problem.status, problem.detail, fields: problem.fields)
    case let missing as MissingOutput:
      api.log.error("output_missing", ["error": "\(missing)"])
      exchange.problem(500, "\(missing)")
    case let error as SystemError where error.isShortage:
      api.log.error("request_failed", ["error": "\(error)"])
      exchange.problem(503, "the daemon is short of resources: \(error)", fields: [.retryLater])
    case let invalid as InvalidRequest: exchange.problem(400, "\(invalid)")
    default:
      api.log.error("request_failed", ["error": "\(error)"])
      exchange.problem(500, "the daemon failed to carry out the request; its log says why")
    }
  }
}

extension Worker {
  /// With an audit trail, once that says so.
  private func fail(_ exchange: Exchange, _ forbidden: Forbidden) {
    guard api.configuration.auditFile != nil else { return exchange.problem(403, forbidden.detail) }
    let by = exchange.principal.by
    ask(for: exchange) { ticket in
      .forbidden(
        ticket: ticket, by: by, forbidden.route, id: forbidden.job, reason: forbidden.detail)
    } then: { exchange, _ in
      exchange.problem(403, forbidden.detail)
    }
  }
}

/// No job of this client has the id.
struct NoSuchJob: Error {
  /// `status` and `output` answer it without a body.
  let hasNoBody: Bool
  init(_ route: Route) { hasNoBody = route == .status || route == .output }
}

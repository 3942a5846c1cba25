import CJobHTTP
import CJobWire
import JobAPI
import JobModel

/// A request's head as the server parsed it. Lives during the callback only.
struct RequestHead {
  private let request: jc_request

  init(_ request: jc_request) { self.request = request }

  var method: UnsafeRawBufferPointer { request.method.buffer }
  var path: UnsafeRawBufferPointer { request.path.buffer }
  var hasQuery: Bool { request.query.length > 0 }
  var hasBody: Bool { request.has_body }
  var isHead: Bool { method.elementsEqual("HEAD".utf8) }

  /// The query's pairs. Throws ``Problem`` for a name that is not in `allowed`, for one that is there twice and not in
  /// `repeatable`, and for what is not UTF-8.
  func query(allowed: String..., repeatable: String...) throws(Problem) -> Query {
    guard hasQuery else { return [:] }
    guard let query = Query(parsing: Substring(decoding: request.query.buffer, as: UTF8.self)) else {
      throw Problem(400, "the query is not percent-encoded UTF-8")
    }
    for item in query.items where !allowed.contains(item.name) {
      let known = allowed.isEmpty ? "takes none" : "knows \(allowed.joined(separator: ", "))"
      throw Problem(400, "unknown query parameter \"\(item.name)\"; this route \(known)")
    }
    // Which of them was meant is not for the server to choose.
    for name in allowed where !repeatable.contains(name) && query.all(name).count > 1 {
      throw Problem(400, "query parameter \"\(name)\" is given twice")
    }
    return query
  }

  /// A header's value, of the first when it is there more often; nil when it is absent. `name` in lower case.
  func header(_ name: StaticString) -> String? {
    let name = UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
    for index in 0..<request.header_count {
      let field = request.headers![index]
      if jw_is(field.name, name) { return String(decoding: field.value.buffer, as: UTF8.self) }
    }
    return nil
  }

  /// The values of a header that may be there more than once. `name` in lower case.
  func headers(_ name: StaticString) -> [String] {
    let name = UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
    return (0..<request.header_count).compactMap { index in
      let field = request.headers![index]
      return jw_is(field.name, name) ? String(decoding: field.value.buffer, as: UTF8.self) : nil
    }
  }

  /// Nil: there is none that is valid. Of two nobody can say which holds (W3C Trace Context).
  var traceparent: Traceparent? {
    let values = headers("traceparent")
    return values.count == 1 ? Traceparent(values[0]) : nil
  }
}

/// A request that is not carried out: the HTTP status and why, in words for the client.
struct Problem: Error {
  let status: Int32
  let detail: String
  let fields: [HeaderField]

  init(_ status: Int32, _ detail: String, fields: [HeaderField] = []) {
    self.status = status
    self.detail = detail
    self.fields = fields
  }

  init(_ error: InvalidRequest) { self.init(400, "\(error)") }

  /// The one place where refusals of the supervisor become HTTP statuses.
  init(_ refusal: Refusal) {
    switch refusal.reason {
    case .notFound: self.init(404, refusal.text)
    case .invalid: self.init(400, refusal.text)
    case .forbidden: self.init(403, refusal.text)
    case .conflict: self.init(409, refusal.text)
    case .keyReused: self.init(422, refusal.text)
    case .tooMany: self.init(429, refusal.text, fields: [.retryLater])
    case .unavailable: self.init(503, refusal.text, fields: [.retryLater])
    case .noSpace: self.init(507, refusal.text)
    case .failed: self.init(500, refusal.text)
    }
  }
}

/// What a request's method and path mean.
public enum RouteMatch: Sendable, Equatable {
  /// A route; `id` is set exactly when the route names a job.
  case route(Route, id: JobID?)
  /// The path is a job's route, but what stands in place of the id cannot be the id of any job.
  case unknownJob(Route)
  /// The path exists, with other methods: the value of the `Allow` header.
  case otherMethod(allow: String)
  case unknown

  /// Finds the route. `HEAD` is understood as `GET`; the path is taken as sent, without its query.
  public init(method: UnsafeRawBufferPointer, path: UnsafeRawBufferPointer) {
    let head: StaticString = "HEAD"
    let get: StaticString = "GET"
    let wanted = method.elementsEqual(head.bytes) ? get.bytes : method
    var found: [RoutePattern] = []
    for pattern in RoutePattern.all {
      guard let middle = pattern.middle(of: path) else { continue }
      guard pattern.method.elementsEqual(wanted) else {
        found.append(pattern)
        continue
      }
      guard pattern.route.namesJob else {
        self = .route(pattern.route, id: nil)
        return
      }
      let id = JobID(Substring(decoding: middle, as: UTF8.self))
      self = id.map { .route(pattern.route, id: $0) } ?? .unknownJob(pattern.route)
      return
    }
    self = found.isEmpty ? .unknown : .otherMethod(allow: RoutePattern.allow(found))
  }

  public init(method: String, path: String) {
    self = Array(method.utf8).withUnsafeBytes { method in
      Array(path.utf8).withUnsafeBytes { RouteMatch(method: method, path: $0) }
    }
  }
}

/// A route taken apart for matching: the bytes before and after the id.
private struct RoutePattern: Sendable {
  let route: Route
  let method: [UInt8]
  let before: [UInt8]
  let after: [UInt8]
  let namesJob: Bool

  static let all = Route.allCases.map(RoutePattern.init)

  init(_ route: Route) {
    self.route = route
    method = Array(route.method.utf8)
    namesJob = route.namesJob
    before = Array(route.template.prefix { $0 != "{" }.utf8)
    after = Array(route.template.drop { $0 != "}" }.dropFirst().utf8)
  }

  /// What stands in place of the id (empty for a route without one); nil when the path is another's.
  func middle(of path: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer.SubSequence? {
    guard namesJob else { return path.elementsEqual(before) ? path[0..<0] : nil }
    guard path.count > before.count + after.count, path.starts(with: before),
      path.suffix(after.count).elementsEqual(after)
    else { return nil }
    let middle = path[before.count..<path.count - after.count]
    return middle.contains(UInt8(ascii: "/")) ? nil : middle
  }

  static func allow(_ patterns: [RoutePattern]) -> String {
    let methods = patterns.map(\.route.method)
    return (methods.contains("GET") ? methods + ["HEAD"] : methods).joined(separator: ", ")
  }
}

extension StaticString {
  fileprivate var bytes: UnsafeRawBufferPointer { .init(start: utf8Start, count: utf8CodeUnitCount) }
}

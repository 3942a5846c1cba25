import Glibc

/// What a request's method and path mean.
package enum RouteMatch: Sendable, Equatable {
  /// A route; `id` is set exactly when the route names a job.
  case route(Route, id: JobID?)
  /// The path is a job's route, but what stands in place of the id cannot be the id of any job.
  case unknownJob(Route)
  /// The path is a route's, but no route on it has this method: the value of the `Allow` header.
  case otherMethod(allow: String)
  case unknown

  /// Finds the route. `HEAD` is understood as `GET`; the path is taken as sent, without its query.
  package init(method: UnsafeRawBufferPointer, path: UnsafeRawBufferPointer) {
    let head: StaticString = "HEAD"
    let get: StaticString = "GET"
    let wanted = method.isEqual(to: head.bytes) ? get.bytes : method
    var found: [RoutePattern] = []
    for pattern in RoutePattern.all {
      guard let middle = pattern.middle(of: path) else { continue }
      guard pattern.method.isEqual(to: wanted) else {
        found.append(pattern)
        continue
      }
      guard pattern.namesJob else {
        self = .route(pattern.route, id: nil)
        return
      }
      let id = JobID(bytes: middle)
      self = id.map { .route(pattern.route, id: $0) } ?? .unknownJob(pattern.route)
      return
    }
    self = found.isEmpty ? .unknown : .otherMethod(allow: RoutePattern.allow(found))
  }
}

/// A route taken apart for matching: the bytes before and after the part that varies. Every request goes through these, so they are
/// bare memory that is compared as such.
private struct RoutePattern: @unchecked Sendable {
  // Sendable: the memory is made once, for `all`, and neither changed nor freed.
  let route: Route
  let method, before, after: UnsafeRawBufferPointer
  let namesJob, isExact: Bool

  static let all = Route.allCases.map(RoutePattern.init)

  init(_ route: Route) {
    self.route = route
    method = Self.keep(route.method)
    namesJob = route.namesJob
    isExact = !route.template.contains("{")
    before = Self.keep(route.template.prefix { $0 != "{" })
    after = Self.keep(route.template.drop { $0 != "}" }.dropFirst())
  }

  private static func keep(_ text: some StringProtocol) -> UnsafeRawBufferPointer {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: text.utf8.count, alignment: 1)
    memory.copyBytes(from: text.utf8)
    return UnsafeRawBufferPointer(memory)
  }

  /// What stands in place of the part that varies (empty for a route without one); nil when the path is another's.
  func middle(of path: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
    guard !isExact else {
      return path.isEqual(to: before) ? UnsafeRawBufferPointer(rebasing: path[0..<0]) : nil
    }
    let end = path.count - after.count
    guard end > before.count, UnsafeRawBufferPointer(rebasing: path[end...]).isEqual(to: after),
      UnsafeRawBufferPointer(rebasing: path[..<before.count]).isEqual(to: before)
    else { return nil }
    let middle = UnsafeRawBufferPointer(rebasing: path[before.count..<end])
    return memchr(middle.baseAddress!, Int32(UInt8(ascii: "/")), middle.count) == nil ? middle : nil
  }

  static func allow(_ patterns: [RoutePattern]) -> String {
    let methods = patterns.map(\.route.method)
    return (methods.contains("GET") ? methods + ["HEAD"] : methods).joined(separator: ", ")
  }
}

extension UnsafeRawBufferPointer {
  fileprivate func isEqual(to other: UnsafeRawBufferPointer) -> Bool {
    count == other.count && (count == 0 || memcmp(baseAddress!, other.baseAddress!, count) == 0)
  }
}

extension StaticString {
  fileprivate var bytes: UnsafeRawBufferPointer { .init(start: utf8Start, count: utf8CodeUnitCount) }
}

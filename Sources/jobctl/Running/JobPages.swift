import JobClient

/// The client's jobs, newest first, page after page. Those that are deleted meanwhile do not disturb the order.
struct JobPages {
  private let client: JobClient
  private let query: Query
  private static let size = 1000

  init(_ client: JobClient, _ query: Query) { (self.client, self.query) = (client, query) }

  /// `most`: of those that `isMeant` lets through. The role of who asks; nil: owner.
  @discardableResult
  func visit(
    most: Int = .max, where isMeant: (JobDetail) -> Bool = { _ in true }, _ body: (JobDetail) throws -> Void
  ) throws -> String? {
    var role: String?
    var left = most
    var cursor: String?
    repeat {
      var page = query
      page.add("limit", "\(min(left, Self.size))")
      page.add("cursor", cursor)
      let list = try client.list(page)
      role = list.role
      for job in list.jobs where isMeant(job) && left > 0 {
        try body(job)
        left -= 1
      }
      cursor = list.next
    } while cursor != nil && left > 0
    return role
  }
}

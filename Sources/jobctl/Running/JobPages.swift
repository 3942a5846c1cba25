import JobClient

/// The client's jobs, newest first, page after page. Those that are deleted meanwhile do not disturb the order.
struct JobPages {
  private let client: JobClient
  private let query: Query
  private static let size = 1000

  init(_ client: JobClient, _ query: Query) { (self.client, self.query) = (client, query) }

  func visit(most: Int = .max, _ body: (JobDetail) throws -> Void) throws {
    var left = most
    var cursor: String?
    repeat {
      var page = query
      page.add("limit", "\(min(left, Self.size))")
      page.add("cursor", cursor)
      let list = try client.list(page)
      for job in list.jobs { try body(job) }
      left -= list.jobs.count
      cursor = list.next
    } while cursor != nil && left > 0
  }
}

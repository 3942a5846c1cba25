import JobAPI

/// One queue of jobs that wait for a slot: a client's named one, or, with an empty name, the one of all its other jobs.
package struct QueueKey: Hashable, Sendable {
  package let client: Int64
  package let name: String

  package init(client: Int64, name: String) { (self.client, self.name) = (client, name) }

  /// Where a job of this plan waits.
  package init(client: Int64, _ plan: JobPlan) { self.init(client: client, name: plan.queue ?? "") }
}

/// A job's place in its queue: what is less goes first.
package struct QueuePlace: Comparable, Hashable, Sendable {
  package let priority: Int
  package let id: JobID

  package init(priority: Int, id: JobID) { (self.priority, self.id) = (priority, id) }

  package static func < (left: QueuePlace, right: QueuePlace) -> Bool {
    left.priority != right.priority ? left.priority > right.priority : left.id < right.id
  }
}

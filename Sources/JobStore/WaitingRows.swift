import JobModel

/// A queue of a client as the store has it.
package struct StoredQueue: Equatable, Sendable {
  package let key: QueueKey
  /// Jobs of it that may run at once, and that wait.
  package let slots, waiting: Int
}

/// The jobs that wait for a slot. One thread at a time.
struct WaitingRows {
  private let places, queues: Statement

  init(_ database: Database) throws(StoreError) {
    places = try database.prepare(
      """
      SELECT id, priority FROM jobs INDEXED BY jobs_queue WHERE state = 3 AND client = ?1 AND queue = ?2
      ORDER BY priority DESC, id LIMIT ?3
      """)
    queues = try database.prepare("SELECT client, name, slots, waiting FROM queues")
  }

  /// Those that go first.
  func first(_ most: Int, of queue: QueueKey) throws(StoreError) -> [QueuePlace] {
    places.bind(queue.client, queue.name, Int64(most))
    defer { places.reset() }
    var found: [QueuePlace] = []
    while try places.step() {
      found.append(QueuePlace(priority: Int(places.integer(1)), id: try places.id(0)))
    }
    return found
  }

  /// All queues in which jobs wait.
  var all: [StoredQueue] {
    get throws(StoreError) {
      defer { queues.reset() }
      var found: [StoredQueue] = []
      while try queues.step() {
        let key = QueueKey(client: queues.integer(0), name: queues.text(1) ?? "")
        found.append(
          StoredQueue(key: key, slots: Int(queues.integer(2)), waiting: Int(queues.integer(3))))
      }
      return found
    }
  }
}

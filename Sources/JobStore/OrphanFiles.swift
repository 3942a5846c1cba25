import JobAPI
import Platform

/// Output files of jobs that are not in the store: a daemon that was killed after it deleted the record and before it
/// removed the files left them. They go when the store says that the job was deleted. Others are somebody's data, as
/// after a database was put back from a backup or moved away, and stay.
package struct OrphanFiles {
  package private(set) var removed = 0
  /// Jobs whose files were kept.
  package private(set) var unknown = 0

  /// Directories whose files are compared at once: bounds the memory for a million jobs.
  private static let together = 64

  /// Removes them. Any thread, also beside the writer: a job's record is on disk before its first file is there, and
  /// files are looked up before records.
  package init(removingFrom directory: StateDirectory) throws(StoreError) {
    let database = try Database.openReadOnly(Store.database(in: directory.path))
    let known = try database.prepare("SELECT id FROM jobs INDEXED BY jobs_id")
    for first in stride(from: 0, to: 256, by: Self.together) {
      var orphans: Set<JobID> = []
      for shard in first..<first + Self.together {
        let names = Directory.names("\(directory.path)/output/\(StateDirectory.hex(shard))")
        orphans.formUnion(names.compactMap { JobID($0.prefix(36)) })
      }
      guard !orphans.isEmpty else { continue }
      while try known.step() { orphans.remove(try known.id(0)) }
      let deleted = try Self.deleted(of: orphans, database)
      for id in deleted { directory.removeFiles(of: id) }
      removed += deleted.count
      unknown += orphans.count - deleted.count
    }
  }

  /// Those of which the events tell the deletion, newest first: of a killed daemon's they are the last.
  private static func deleted(of orphans: Set<JobID>, _ database: Database) throws(StoreError) -> Set<JobID> {
    var left = orphans
    let clients = try database.prepare("SELECT id FROM clients")
    let rows = try database.prepare("SELECT entries FROM events WHERE client = ?1 ORDER BY last DESC")
    while !left.isEmpty, try clients.step() {
      rows.bind(clients.integer(0))
      defer { rows.reset() }
      while !left.isEmpty, try rows.step() {
        for event in try StoredEvent.all(in: rows.view(0)) where event.kind == .deleted {
          left.remove(event.id)
        }
      }
    }
    return orphans.subtracting(left)
  }
}

import Glibc
import JobAPI

/// Output files of jobs that are not in the store: a daemon that was killed after it deleted the record and before it
/// removed the files left them.
enum OrphanFiles {
  /// Directories whose files are compared at once: bounds the memory for a million jobs.
  private static let together = 64

  /// Removes them; how many jobs' there were. Any thread, also beside the writer: a job's record is on disk before
  /// its first file is there, and files are looked up before records.
  static func remove(from directory: StateDirectory) throws(StoreError) -> Int {
    let database = try Database.openReadOnly(Store.database(in: directory.path))
    let known = try database.prepare("SELECT id FROM jobs INDEXED BY jobs_id")
    var count = 0
    for first in stride(from: 0, to: 256, by: together) {
      var orphans: Set<JobID> = []
      for shard in first..<first + together {
        insertNames(in: "\(directory.path)/output/\(StateDirectory.hex(shard))", &orphans)
      }
      guard !orphans.isEmpty else { continue }
      while try known.step() { orphans.remove(try known.id(0)) }
      for id in orphans { directory.removeFiles(of: id) }
      count += orphans.count
    }
    return count
  }

  private static func insertNames(in path: String, _ ids: inout Set<JobID>) {
    guard let directory = opendir(path) else { return }
    defer { closedir(directory) }
    while let entry = readdir(directory) {
      let id = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { JobID(String(cString: $0).prefix(36)) }
      }
      if let id { ids.insert(id) }
    }
  }
}

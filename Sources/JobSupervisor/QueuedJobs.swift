import CPlatform
import Glibc
import JobAPI
import JobModel
import Platform

/// Accepted jobs that wait for their launch, as one supervisor leaves them to the next: a memory file of their ids and
/// what they get as standard input. Everything else of them is in the store.
enum QueuedJobs {
  static let name = "queued"

  struct Job: Equatable {
    let id: JobID
    let input: [UInt8]?
  }

  /// A descriptor of the file.
  static func write(_ jobs: [Job]) throws(SystemError) -> Int32 {
    var writer = ByteWriter(capacity: 64 + jobs.reduce(0) { $0 + 32 + ($1.input?.count ?? 0) })
    writer.put(UInt32(jobs.count))
    for job in jobs { writer.put(job.id, job.input) }
    let file = writer.bytes.withUnsafeBytes { jp_memory_file("jobd queue", $0.baseAddress, $0.count) }
    guard file >= 0 else { throw SystemError(file, "hold the jobs that wait for their launch") }
    return file
  }

  /// Reads and closes it.
  static func read(_ file: Int32) throws -> [Job] {
    defer { close(file) }
    // It is read from its start, whoever read it before.
    lseek(file, 0, SEEK_SET)
    let bytes = SmallFile.read(file, most: .max)
    return try bytes.withUnsafeBytes { raw in
      var reader = ByteReader(raw)
      var jobs: [Job] = []
      for _ in 0..<(try reader.count(ofSize: 16)) {
        jobs.append(Job(id: try reader.id(), input: try reader.bool() ? try reader.array() : nil))
      }
      try reader.end()
      return jobs
    }
  }
}

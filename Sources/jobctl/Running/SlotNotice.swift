import Glibc
import JobClient
import Platform

/// Tells who looks on why nothing happens yet, where a job waits for a slot.
enum SlotNotice {
  /// Milliseconds after which it is told.
  private static let patience: UInt32 = 300

  static func tell(
    _ settings: ConnectionSettings, _ id: JobID, _ say: @escaping @Sendable (String) -> Void
  ) throws {
    try SystemThread.detach {
      usleep(patience * 1000)
      guard (try? JobClient(settings).status(id))?.queued == true else { return }
      say("jobctl: job \(id) waits for a slot; see \"jobctl why \(id)\"")
    }
  }
}

import Glibc

/// The environment every job starts with, whatever the daemon's own is.
package enum JobEnvironment {
  /// Names the job in the environment of each of its processes: how leftovers of a lost job are found.
  package static let marker = "JOBD_JOB_ID"

  /// A NULL-terminated vector that lives as long as the process and never changes.
  package nonisolated(unsafe) static let standard: UnsafePointer<UnsafePointer<CChar>?> = {
    let entries = [
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "HOME=/",
    ]
    let vector = UnsafeMutablePointer<UnsafePointer<CChar>?>.allocate(capacity: entries.count + 1)
    for (index, entry) in entries.enumerated() { (vector + index).initialize(to: strdup(entry)) }
    (vector + entries.count).initialize(to: nil)
    return UnsafePointer(vector)
  }()
}

import JobAPI

/// The environment every job starts with, whatever the daemon's own is.
package enum JobEnvironment {
  private static let fixed = [
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "HOME=/",
  ]
  /// Names the job in the environment of each of its processes: how leftovers of a lost job are found.
  package static let marker = "JOBD_JOB_ID"

  package static func of(_ id: JobID, adding pairs: [JobSpec.NameAndValue]) -> [String] {
    let mark = "\(marker)=\(id)"
    guard !pairs.isEmpty else { return fixed + [mark] }
    let kept = fixed.filter { entry in !pairs.contains { entry.hasPrefix($0.name + "=") } }
    let added = pairs.filter { $0.name != marker }.map { "\($0.name)=\($0.value)" }
    return kept + added + [mark]
  }
}

import CJobHTTP
import JobModel
import Platform

/// Until when the certificates and revocation lists are valid that this process has loaded.
final class Expiries: @unchecked Sendable {
  // Made once; `warned` is the main thread's.
  struct Entry: Sendable {
    let kind: jc_expiry
    let name: String
    /// Seconds since 1970.
    let until: Int64
  }

  let entries: [Entry]
  private let files: [UInt32: String]
  private let log: Log
  /// By the clock that is never set; microseconds.
  private var warned: Int64?

  private static let day: Int64 = 86_400

  init(_ tls: OpaquePointer, _ configuration: Configuration, _ log: Log) {
    var entries: [Entry] = []
    withUnsafeMutablePointer(to: &entries) { entries in
      jc_tls_expiries(
        tls,
        { context, kind, name, until in
          guard until > 0 else { return }
          let entry = Entry(kind: kind, name: String(cString: name), until: until)
          context!.assumingMemoryBound(to: [Entry].self).pointee.append(entry)
        }, entries)
    }
    self.entries = entries
    self.log = log
    files = [
      JC_EXPIRY_CERTIFICATE.rawValue: configuration.certificateFile,
      JC_EXPIRY_AUTHORITY.rawValue: configuration.clientCAFile,
      JC_EXPIRY_REVOCATIONS.rawValue: configuration.crlFile ?? "",
    ]
  }

  /// The earliest of a kind; nil: there is none.
  func earliest(_ kind: jc_expiry) -> Int64? { entries.filter { $0.kind == kind }.map(\.until).min() }

  /// Tells once a day of what is valid no longer than a week.
  func warnDaily(now: Int64 = Clock.microseconds() / 1_000_000) {
    let monotonic = Clock.monotonic()
    if let warned, monotonic - warned < Self.day * 1_000_000 { return }
    warned = monotonic
    for entry in entries where entry.until - now < 7 * Self.day { warn(entry, entry.until - now) }
  }

  private func warn(_ entry: Entry, _ left: Int64) {
    let what =
      switch entry.kind {
      case JC_EXPIRY_CERTIFICATE: "the server's certificate"
      case JC_EXPIRY_AUTHORITY: "an authority of clients"
      default: "the revocation list"
      }
    let file = files[entry.kind.rawValue] ?? ""
    guard left < 0 else {
      return log.warn(
        "expires_soon", ["what": what, "name": entry.name, "file": file, "hours": "\(left / 3600)"])
    }
    log.error("expired", ["what": what, "name": entry.name, "file": file, "hours_ago": "\(-left / 3600)"])
  }
}

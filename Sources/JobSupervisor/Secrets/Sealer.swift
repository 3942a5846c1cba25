import CJobSeal
import Glibc
import JobAPI
import JobModel
import Platform

/// What is kept of clients' secrets, by one key. Supervisor's thread only.
final class Sealer {
  private let seal: OpaquePointer

  init(_ key: [UInt8]) throws(SystemError) {
    guard let seal = jc_seal_new(key) else { throw SystemError(ENOMEM, "use a key") }
    self.seal = seal
  }

  deinit { jc_seal_free(seal) }

  /// It opens as this job's alone.
  func seal(_ bytes: [UInt8], of job: JobID, _ client: Int64) throws(SystemError) -> [UInt8] {
    let context = Self.context(job, client)
    var sealed = [UInt8](repeating: 0, count: bytes.count + Int(JC_SEAL_OVERHEAD))
    let status = jc_seal_close(seal, context, context.count, bytes, bytes.count, &sealed)
    try SystemError.check(status, "encrypt secrets")
    return sealed
  }

  /// Nil: it was sealed with another key, or for another job.
  func open(_ sealed: [UInt8], of job: JobID, _ client: Int64) -> Secrets? {
    let context = Self.context(job, client)
    var bytes = [UInt8](repeating: 0, count: max(0, sealed.count - Int(JC_SEAL_OVERHEAD)))
    defer { jc_seal_wipe(&bytes, bytes.count) }
    guard jc_seal_open(seal, context, context.count, sealed, sealed.count, &bytes) == 0 else { return nil }
    return bytes.withUnsafeBytes { try? Secrets(checking: $0) }
  }

  /// What tells nothing of `bytes` to whoever does not have the key.
  func digest(_ bytes: [UInt8]) throws(SystemError) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: Int(JC_SEAL_DIGEST_SIZE))
    try SystemError.check(jc_seal_digest(seal, bytes, bytes.count, &digest), "make a digest")
    return digest
  }

  private static func context(_ job: JobID, _ client: Int64) -> [UInt8] {
    var writer = ByteWriter(capacity: 24)
    writer.put(client, job)
    return writer.bytes
  }
}

import CJobHTTP
import Glibc
import JobModel
import Platform

/// The server's TLS context from the files the configuration names.
package enum ServerTLS {
  package static func load(_ configuration: Configuration) throws(DaemonError) -> OpaquePointer {
    var made: OpaquePointer?
    var error = [CChar](repeating: 0, count: Int(JC_ERROR_SIZE))
    let files = [configuration.certificateFile, configuration.keyFile, configuration.clientCAFile]
    let status = withCStrings(files + (configuration.crlFile.map { [$0] } ?? [])) { files in
      // Without a revocation list the fourth is the NULL that ends the vector.
      var options = jc_tls_options(
        certificate_file: files[0]!, key_file: files[1]!, client_ca_file: files[2]!, crl_file: files[3],
        lists_are_partial: configuration.listsArePartial,
        session_cache: configuration.sessionCache,
        identity: configuration.identity == .uri ? JC_IDENTITY_URI : JC_IDENTITY_COMMON_NAME)
      return jc_tls_new(&options, &made, &error)
    }
    guard status == 0, let made else {
      let error = DaemonError(cText: error)
      throw DaemonError("\(error)\(advice(files, configuration.crlFile))")
    }
    return made
  }

  private static func advice(_ files: [String], _ revocations: String?) -> String {
    if files.contains(where: isMissing) {
      return "; \(Configuration.certificateAdvice)"
    }
    guard let revocations, isMissing(revocations) else { return "" }
    return
      "; put it back, or start the daemon anew if it is meant to be gone: without it who was revoked is let in again"
  }

  private static func isMissing(_ file: String) -> Bool { access(file, F_OK) != 0 && errno == ENOENT }
}

/// Whose clients are let in, for connections that are open. Freed with the last reference; any thread.
final class Trust: Sendable {
  // Not changed once it is made.
  nonisolated(unsafe) let pointer: OpaquePointer

  /// From PEM. Throws ``DaemonError``.
  init(_ authorities: [UInt8], _ revocations: [UInt8], isPartial: Bool) throws(DaemonError) {
    var made: OpaquePointer?
    let status = jc_trust_new(
      authorities, authorities.count, revocations, revocations.count, isPartial, &made)
    guard status == 0, let made else {
      throw DaemonError("cannot read the authorities and the revocation list that the supervisor sent")
    }
    pointer = made
  }

  deinit { jc_trust_free(pointer) }
}

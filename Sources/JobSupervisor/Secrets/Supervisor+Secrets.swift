import JobAPI
import JobModel
import Platform

/// What nobody but a job is to know.
extension Supervisor {
  /// As it is kept from here on: with its secrets sealed, and the digest of its request keyed, which else would tell of them.
  func sealed(
    _ creation: ApiRequest.Creation, of id: JobID, _ client: Int64
  ) throws(Refusal) -> ApiRequest.Creation {
    guard creation.secrets != nil || creation.idempotency != nil else { return creation }
    // The key must not be in one either.
    engine.forbidDumps()
    var sealed = creation
    do {
      let sealer = try secretsKey.sealer(makes: true)
      sealed.secrets = try creation.secrets.map { try sealer.seal($0, of: id, client) }
      sealed.idempotency = try creation.idempotency?.keyed(by: sealer, hasSecrets: creation.secrets != nil)
      return sealed
    } catch {
      guard creation.secrets != nil else { return creation }
      throw Refusal(reason: .failed, text: "secret_env: the daemon cannot keep secrets: \(error)")
    }
  }

  /// Nil: it has none.
  func opened(_ sealed: [UInt8]?, of job: LiveJob) throws(DaemonError) -> Secrets? {
    guard let sealed else { return nil }
    engine.forbidDumps()
    let sealer = try secretsKey.sealer(makes: false)
    guard let secrets = sealer.open(sealed, of: job.id, job.client) else {
      throw DaemonError(
        "the key in \(configuration.secretsKeyFile) is another than the one they were stored with")
    }
    return secrets
  }
}

extension ApiRequest.Creation {
  /// As the message has them, before they are sealed.
  var openSecrets: Secrets? { secrets?.withUnsafeBytes { try? Secrets(checking: $0) } }
}

extension ApiRequest.Idempotency {
  /// Where there were no secrets the digest itself may be stored: by an earlier version, or while there was no key.
  fileprivate func keyed(by sealer: Sealer, hasSecrets: Bool) throws(SystemError) -> Self {
    Self(key: key, digest: try sealer.digest(digest), earlier: hasSecrets ? [] : [digest] + earlier)
  }
}

import JobModel

extension Configuration {
  /// Where the audit trail goes; nil: there is none.
  package var auditPlace: AuditPlace? { auditFile.map(AuditPlace.init) }
}

extension Supervisor {
  /// A supervisor that has jobs to take over starts without one that it can write, and tries again.
  func openAudit() throws -> AuditTrail? {
    guard let place = configuration.auditPlace else { return nil }
    return try AuditTrail(
      self, place, mayFail: keeper.cause == .death || keeper.cause == .return,
      send: { [unowned self] in apis.send($0, to: $1) },
      undelivered: { [unowned self] id, peer, caller in
        let client = store.clientNumber(for: peer.name)
        handle(.delivered([id], client: client, isWhole: false, child: caller.child))
      })
  }

  /// Loads anew what the configuration names. A file of the audit trail that was moved away is left to who did.
  func reload(_ cause: ReloadCause, for asker: ControlSocket.Asker? = nil) {
    do {
      try configuration.auditPlace?.check()
    } catch {
      // The file that is open is written on.
      return apis.reloadRefused("\(error)", cause, for: asker)
    }
    audit?.reopen()
    apis.reload(cause, for: asker)
  }
}

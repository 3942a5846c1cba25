import CJobWire

/// What cannot be in a certificate is a mistake of the command line.
enum CertificateCheck {
  /// `spelling`: of the option or operand.
  static func name(_ name: String, _ spelling: String, _ invocation: Invocation) throws(UsageError) {
    try refuse(spelling, invocation) { jw_ca_check_name(name, $0) }
  }

  /// The first of them is the common name.
  static func hosts(_ hosts: [String], _ invocation: Invocation) throws(UsageError) {
    guard let first = hosts.first else { throw invocation.usage("name the hosts: --host HOST") }
    for host in hosts { try refuse("--host", invocation) { jw_ca_check_host(host, $0) } }
    try name(first, "the first --host", invocation)
  }

  private static func refuse(
    _ spelling: String, _ invocation: Invocation, _ body: (UnsafeMutablePointer<CChar>) -> Bool
  ) throws(UsageError) {
    do {
      try CertificateError.check(body)
    } catch {
      throw invocation.usage("\(spelling): \(error)")
    }
  }
}

import COpenSSL
import Harness

extension RawClient {
  /// A client of a test server, with a certificate or without.
  convenience init(
    _ server: TestServer, _ identity: Authority.Identity?, session: OpaquePointer? = nil,
    maxVersion: Int32 = TLS1_3_VERSION, receiveBuffer: Int32? = nil
  ) throws {
    try self.init(
      port: server.port, authority: server.authority.own.certificate, certificate: identity?.certificate,
      key: identity?.key, session: session, maxVersion: maxVersion, receiveBuffer: receiveBuffer)
  }
}

import CJobWire
import COpenSSL
import FoundationEssentials
import Glibc

/// A certificate authority in a scratch directory that goes with it.
final class Authority {
  struct Identity {
    let certificate: String
    let key: String
  }
  struct Failure: Error { let text: String }

  let directory: String
  let own: Identity
  private var issued = 0

  init() throws {
    var template = Array("/tmp/jobd-core-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Failure(text: "mkdtemp: \(errno)") }
    directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    own = Identity(certificate: directory + "/ca.pem", key: directory + "/ca.key")
    try Self.write(own) { output, error in jw_ca_create("test authority", 2, output, error) }
  }

  deinit { try? FileManager.default.removeItem(atPath: directory) }

  private static func write(
    _ identity: Identity,
    _ make: (UnsafePointer<jw_ca_output>, UnsafeMutablePointer<CChar>) -> Bool
  ) throws {
    var error = [CChar](repeating: 0, count: Int(JW_CA_TEXT_SIZE))
    let made = identity.certificate.withCString { certificate in
      identity.key.withCString { key in
        var output = jw_ca_output(
          certificate_file: certificate, key_file: key, passphrase: nil, records: nil, bundle_file: nil,
          bundle_password: nil, force: true)
        return make(&output, &error)
      }
    }
    guard made else { throw Failure(text: text(error)) }
  }

  func issue(_ name: String, server: Bool = false, from: Int = -60, to: Int = 3600) throws -> Identity {
    issued += 1
    let identity = Identity(certificate: "\(directory)/\(issued).pem", key: "\(directory)/\(issued).key")
    try Self.write(identity) { output, error in
      own.certificate.withCString { ca in
        own.key.withCString { caKey in
          name.withCString { name in
            "localhost".withCString { host in
              let hosts: [UnsafePointer<CChar>?] = [host, nil]
              return hosts.withUnsafeBufferPointer { hosts in
                var request = jw_ca_request(
                  authority: .init(certificate_file: ca, key_file: caKey, passphrase: nil),
                  use: server ? JW_CA_SERVER : JW_CA_CLIENT,
                  common_name: name, hosts: server ? hosts.baseAddress : nil, signing_request_file: nil,
                  not_before_s: from,
                  not_after_s: to)
                return jw_ca_issue(&request, output, error)
              }
            }
          }
        }
      }
    }
    return identity
  }

  /// A client's identity whose subject holds exactly these common names, whatever is in them.
  func issue(commonNames: [(type: Int32, bytes: [UInt8])]) throws -> Identity {
    let identity = try issue("to be replaced")
    let certificate = try read(identity.certificate) { PEM_read_X509($0, nil, nil, nil) }
    let key = try read(own.key) { PEM_read_PrivateKey($0, nil, nil, nil) }
    defer {
      X509_free(certificate)
      EVP_PKEY_free(key)
    }
    let subject = X509_NAME_new()
    defer { X509_NAME_free(subject) }
    X509_NAME_add_entry_by_NID(subject, NID_organizationName, V_ASN1_UTF8STRING, "tests", 5, -1, 0)
    for name in commonNames {
      X509_NAME_add_entry_by_NID(
        subject, NID_commonName, name.type, name.bytes, Int32(name.bytes.count), -1, 0)
    }
    guard X509_set_subject_name(certificate, subject) == 1, X509_sign(certificate, key, EVP_sha256()) > 0
    else { throw Failure(text: "cannot sign for this subject") }
    try write(identity.certificate) { PEM_write_X509($0, certificate) }
    return identity
  }

  /// A client's identity with these alternative names, as openssl's configuration has them (x509v3_config(5)).
  func issue(_ name: String, alternativeNames: String) throws -> Identity {
    let identity = try issue(name)
    let certificate = try read(identity.certificate) { PEM_read_X509($0, nil, nil, nil) }
    let key = try read(own.key) { PEM_read_PrivateKey($0, nil, nil, nil) }
    let names = X509V3_EXT_conf_nid(nil, nil, NID_subject_alt_name, alternativeNames)
    defer {
      X509_free(certificate)
      EVP_PKEY_free(key)
      X509_EXTENSION_free(names)
    }
    guard names != nil, X509_add_ext(certificate, names, -1) == 1,
      X509_sign(certificate, key, EVP_sha256()) > 0
    else { throw Failure(text: "cannot sign for these names") }
    try write(identity.certificate) { PEM_write_X509($0, certificate) }
    return identity
  }

  /// A revocation list with these certificates in it. Its path.
  func revoke(_ identities: [Identity]) throws -> String {
    let authority = try read(own.certificate) { PEM_read_X509($0, nil, nil, nil) }
    let key = try read(own.key) { PEM_read_PrivateKey($0, nil, nil, nil) }
    let list = X509_CRL_new()
    let now = X509_gmtime_adj(nil, -60)
    let next = X509_gmtime_adj(nil, 3600)
    defer {
      X509_free(authority)
      EVP_PKEY_free(key)
      X509_CRL_free(list)
      ASN1_STRING_free(now)
      ASN1_STRING_free(next)
    }
    X509_CRL_set_version(list, 1)
    X509_CRL_set_issuer_name(list, X509_get_subject_name(authority))
    X509_CRL_set1_lastUpdate(list, now)
    X509_CRL_set1_nextUpdate(list, next)
    for identity in identities {
      let certificate = try read(identity.certificate) { PEM_read_X509($0, nil, nil, nil) }
      defer { X509_free(certificate) }
      let entry = X509_REVOKED_new()
      X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(certificate))
      X509_REVOKED_set_revocationDate(entry, now)
      X509_CRL_add0_revoked(list, entry)
    }
    X509_CRL_sort(list)
    X509_CRL_sign(list, key, EVP_sha256())
    let path = directory + "/crl.pem"
    try write(path) { PEM_write_X509_CRL($0, list) }
    return path
  }

  private func read(_ path: String, _ parse: (UnsafeMutablePointer<FILE>) -> OpaquePointer?) throws
    -> OpaquePointer
  {
    guard let file = fopen(path, "r") else { throw Failure(text: "cannot open \(path)") }
    defer { fclose(file) }
    guard let parsed = parse(file) else { throw Failure(text: "cannot parse \(path)") }
    return parsed
  }

  private func write(_ path: String, _ print: (UnsafeMutablePointer<FILE>) -> Int32) throws {
    guard let file = fopen(path, "w") else { throw Failure(text: "cannot write \(path)") }
    defer { fclose(file) }
    guard print(file) == 1 else { throw Failure(text: "cannot write \(path)") }
  }
}

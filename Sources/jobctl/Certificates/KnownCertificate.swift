import CJobWire
import Glibc
import JobAPI
import Platform

/// A certificate that the authority signed, as far as its directory knows.
struct KnownCertificate {
  enum State: String {
    case valid, expired, revoked
    case expiresSoon = "expires soon"
  }

  /// Empty: it has no common name.
  let name: String
  let serial: String
  /// The public key's digest.
  let key: String
  /// `server`, `client`, or both of them.
  let kind: String
  /// Seconds since 1970.
  let notBefore, notAfter: Int64
  var revoked: Int64?
  /// Where it is, but its record.
  var files: [String]
  /// One of its files, or its record.
  let place: String

  private static let secondsOfSoon: Int64 = 30 * 86_400

  func state(_ now: Int64) -> State {
    if revoked != nil { return .revoked }
    return notAfter < now ? .expired : notAfter - now < Self.secondsOfSoon ? .expiresSoon : .valid
  }

  var ends: String { Self.second(notAfter) }

  /// Without a fraction, which certificates do not have.
  static func second(_ seconds: Int64) -> String {
    TimeText.text(seconds * 1_000_000).prefix { $0 != "." } + "Z"
  }

  /// All of them, those of the directory's files and those of the records, by name.
  static func all(of authority: Authority) throws -> [KnownCertificate] {
    try authority.check()
    let revoked = try revocations(of: authority)
    var known: [String: KnownCertificate] = [:]
    for (directory, isRecord) in [(authority.directory, false), (authority.records, true)] {
      for name in Directory.names(directory).filter({ $0.hasSuffix(".crt") }).sorted() {
        let file = "\(directory)/\(name)"
        guard var found = try read(file, authority, isRecord: isRecord) else { continue }
        found.revoked = revoked[found.serial]
        if let other = known[found.serial] { found.files = other.files + found.files }
        known[found.serial] = found
      }
    }
    return known.values.sorted { ($0.name, $0.notAfter, $0.serial) < ($1.name, $1.notAfter, $1.serial) }
  }

  /// Nil: it is none of the authority's. One that cannot be read is told of.
  private static func read(
    _ file: String, _ authority: Authority, isRecord: Bool
  ) throws(CertificateError) -> KnownCertificate? {
    var facts = jw_ca_facts()
    do {
      try CertificateError.check { error in
        withCStrings([authority.certificate, file]) { jw_ca_read($0[0]!, $0[1]!, &facts, error) }
      }
    } catch {
      guard access(authority.certificate, R_OK) == 0 else { throw error }
      if access(file, R_OK) != 0 { Terminal.complain("jobctl: \(error)") }
      return nil
    }
    guard facts.issued else { return nil }
    let kinds = (facts.for_servers ? ["server"] : []) + (facts.for_clients ? ["client"] : [])
    return KnownCertificate(
      name: text(facts.name), serial: text(facts.serial), key: text(facts.key),
      kind: kinds.joined(separator: ","), notBefore: facts.not_before, notAfter: facts.not_after,
      revoked: nil,
      files: isRecord ? [] : [file], place: file)
  }

  /// When each serial was revoked.
  private static func revocations(of authority: Authority) throws(CertificateError) -> [String: Int64] {
    var times: [String: Int64] = [:]
    try CertificateError.check { error in
      let isLost = access(authority.revocations, F_OK) != 0
      let list = isLost ? authority.revocationsRecord : authority.revocations
      return withCStrings([authority.certificate, list]) { files in
        withUnsafeMutablePointer(to: &times) { times in
          jw_ca_revocations(
            files[0]!, files[1]!,
            { context, serial, seconds in
              context.assumingMemoryBound(to: [String: Int64].self).pointee[String(cString: serial)] = seconds
            }, times, error)
        }
      }
    }
    return times
  }

  /// A C string in an array of C.
  private static func text<Characters>(_ characters: Characters) -> String {
    withUnsafeBytes(of: characters) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }
}

/// A serial as people write it: hexadecimal digits, perhaps with colons or `0x` before them.
struct Serial {
  /// As OpenSSL's commands write it.
  let text: String
  /// It can hardly be meant as a name.
  let isUnmistakable: Bool

  private static let mostDigits = 2 * 20
  private static let digitsOfNoName = 16

  init?(_ written: String) {
    let hasPrefix = written.lowercased().hasPrefix("0x")
    let digits = (hasPrefix ? String(written.dropFirst(2)) : written).filter { $0 != ":" }.uppercased()
    guard !digits.isEmpty, digits.utf8.allSatisfy({ "0123456789ABCDEF".utf8.contains($0) }) else {
      return nil
    }
    let significant = digits.drop { $0 == "0" }
    guard !significant.isEmpty, significant.count <= Self.mostDigits else { return nil }
    text = (significant.count % 2 == 0 ? "" : "0") + significant
    isUnmistakable = hasPrefix || written.contains(":") || digits.count >= Self.digitsOfNoName
  }
}

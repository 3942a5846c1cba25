/// By what of its certificate a client is known.
package enum Identity: String, CaseIterable, Sendable, Codable {
  /// The common name of its subject.
  case commonName = "common-name"
  /// The URI among the subject's alternative names.
  case uri
}

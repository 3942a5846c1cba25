/// What a client may do with jobs and the daemon. What that is for each route is said in the api process, where
/// ownership is decided.
package enum Role: String, CaseIterable, Sendable, Codable {
  /// All with its own jobs; of others' it is told nothing.
  case owner
  /// Reads all clients' jobs and what the daemon counts, and changes nothing.
  case viewer
  /// Both, and ends or deletes all clients' jobs.
  case `operator`
}

import JobAPI

/// Why a request was not carried out, in words for the client.
package struct Refusal: Error, Equatable {
  package enum Reason: UInt8 {
    case notFound, invalid, conflict, keyReused, tooMany, unavailable, noSpace, forbidden, failed
  }
  package var reason: Reason
  package var text: String

  package init(reason: Reason, text: String) { (self.reason, self.text) = (reason, text) }
}

extension Refusal {
  package static let unknownJob = Refusal(reason: .notFound, text: "there is no such job")
  package static let stopping = Refusal(reason: .unavailable, text: "the daemon is stopping")
  package static let ended = Refusal(reason: .conflict, text: "the job has ended")
  package static let notStarted = Refusal(reason: .conflict, text: "the job has not started yet")
  package static let hasStarted = Refusal(
    reason: .conflict, text: "the job does not wait any more: it was started")
  package static let noTerminal = Refusal(reason: .conflict, text: "the job has no terminal")
  package static let inputEnded = Refusal(reason: .conflict, text: InputEnded.text)
}

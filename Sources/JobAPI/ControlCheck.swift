extension SignalRequest: StrictBody {
  package static let members: BodyMembers = ["signal": SignalName.allowed, "tree": "true or false"]
  package init() { self.init(signal: SignalName(number: 15)!) }

  package mutating func read(_ member: String, from reader: inout JSONReader) throws(InvalidRequest) {
    switch member {
    case "signal":
      let number = { (number: Int64) in Int32(exactly: number).flatMap { SignalName(number: $0) } }
      signal = try reader.text(SignalName.init, orInteger: number) ?? signal
    default: tree = try reader.bool()
    }
  }

  package func validate() throws(InvalidRequest) {}
}

extension StopRequest: StrictBody {
  package static let members: BodyMembers = [
    "grace": "a duration: \(DurationText.allowed)", "queued": "true or false",
  ]

  package static var isFirstRequired: Bool { false }

  package init() { self.init(grace: nil) }

  package mutating func read(_ member: String, from reader: inout JSONReader) throws(InvalidRequest) {
    switch member {
    case "grace": grace = try reader.text(DurationText.init)
    default: queued = try reader.bool()
    }
  }

  package func validate() throws(InvalidRequest) {}
}

/// ``BatchRequest`` as the daemon reads it: each job is right or wrong by itself.
package struct BatchAttempt<Job: StrictBody>: StrictBody {
  package static var members: BodyMembers { ["jobs": "an array of 1 to \(BatchRequest.most) objects"] }
  package static var mostValues: Int { 262_144 }
  package private(set) var jobs: [Result<Job, InvalidRequest>] = []

  package init() {}

  package mutating func read(_ member: String, from reader: inout JSONReader) throws(InvalidRequest) {
    jobs = try reader.bodies(Job.self) ?? []
  }

  package func validate() throws(InvalidRequest) {
    guard (1...BatchRequest.most).contains(jobs.count) else {
      throw InvalidRequest("member \"jobs\" must be \(Self.allowed("jobs"))")
    }
  }
}

extension SignalRequest: StrictBody {
  public static let members = ["signal": SignalName.allowed, "tree": "true or false"]
  public func validate() throws(InvalidRequest) {}
}

extension StopRequest: StrictBody {
  public static let members = ["grace": "a duration: \(DurationText.allowed)"]
  public func validate() throws(InvalidRequest) {}
}

/// ``BatchRequest`` as the daemon reads it: each job is right or wrong by itself.
public struct BatchAttempt<Job: StrictBody>: StrictBody {
  public static var members: [String: String] { ["jobs": "an array of 1 to \(BatchRequest.most) objects"] }
  public static var mostValues: Int { 262_144 }
  public let jobs: [Result<Job, InvalidRequest>]

  private enum CodingKeys: String, CodingKey { case jobs }

  public init(from decoder: any Decoder) throws {
    let object = try decoder.container(keyedBy: CodingKeys.self)
    jobs = try object.decode([Attempt<Job>].self, forKey: .jobs).map(\.result)
  }

  public func validate() throws(InvalidRequest) {
    guard (1...BatchRequest.most).contains(jobs.count) else {
      throw InvalidRequest("member \"jobs\" must be \(Self.members["jobs"]!)")
    }
  }
}

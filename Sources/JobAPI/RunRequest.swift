/// The body of `POST /jobs:run`: a creation, and what becomes of its job around the request.
public struct RunRequest: Encodable, Sendable, Equatable {
  public var job: CreateRequest
  /// The job is removed once its result is delivered.
  public var removes: Bool?
  /// What happens to the job when the client closes the connection before it has the result: nothing when absent.
  public var onDisconnect: DisconnectAction?

  public enum DisconnectAction: String, Encodable, Sendable { case stop, keep }

  enum CodingKeys: String, CodingKey {
    case removes = "rm"
    case onDisconnect = "on_disconnect"
  }

  public init(_ job: CreateRequest, removes: Bool? = nil, onDisconnect: DisconnectAction? = nil) {
    (self.job, self.removes, self.onDisconnect) = (job, removes, onDisconnect)
  }

  public func encode(to encoder: any Encoder) throws {
    try job.encode(to: encoder)
    var members = encoder.container(keyedBy: CodingKeys.self)
    try members.encodeIfPresent(removes, forKey: .removes)
    try members.encodeIfPresent(onDisconnect, forKey: .onDisconnect)
  }
}

extension RunRequest: StrictBody {
  package static let members =
    CreateRequest.members + [
      "rm": "true or false", "on_disconnect": "\"stop\" or \"keep\"",
    ]

  package init() { self.init(CreateRequest()) }

  package mutating func read(_ member: String, from reader: inout JSONReader) throws(InvalidRequest) {
    switch member {
    case "rm": removes = try reader.bool()
    case "on_disconnect": onDisconnect = try reader.text { DisconnectAction(rawValue: $0) }
    default: try job.read(member, from: &reader)
    }
  }

  package func validate() throws(InvalidRequest) { try job.validate() }
}

/// The body of `POST /jobs:run`: a creation, and what becomes of its job around the request.
public struct RunRequest: Codable, Sendable, Equatable {
  public var job: CreateRequest
  /// The job is removed once its result is delivered.
  public var removes: Bool?
  /// What happens to the job when the client closes the connection before it has the result: nothing when absent.
  public var onDisconnect: DisconnectAction?

  public enum DisconnectAction: String, Codable, Sendable {
    case stop
    case keep
  }

  enum CodingKeys: String, CodingKey {
    case removes = "rm"
    case onDisconnect = "on_disconnect"
  }

  public init(_ job: CreateRequest, removes: Bool? = nil, onDisconnect: DisconnectAction? = nil) {
    (self.job, self.removes, self.onDisconnect) = (job, removes, onDisconnect)
  }

  public init(from decoder: any Decoder) throws {
    job = try CreateRequest(from: decoder)
    let members = try decoder.container(keyedBy: CodingKeys.self)
    removes = try members.decodeIfPresent(Bool.self, forKey: .removes)
    onDisconnect = try members.decodeIfPresent(DisconnectAction.self, forKey: .onDisconnect)
  }

  public func encode(to encoder: any Encoder) throws {
    try job.encode(to: encoder)
    var members = encoder.container(keyedBy: CodingKeys.self)
    try members.encodeIfPresent(removes, forKey: .removes)
    try members.encodeIfPresent(onDisconnect, forKey: .onDisconnect)
  }
}

extension RunRequest: StrictBody {
  public static let members = CreateRequest.members.merging(
    ["rm": "true or false", "on_disconnect": "\"stop\" or \"keep\""]) { $1 }

  public func validate() throws(InvalidRequest) {
    try job.validate()
  }
}

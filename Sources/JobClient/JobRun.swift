import JobAPI

/// Runs a job by one request, whose reply is followed as the job writes. Once the job is known, a lost connection is
/// bridged as by a ``LogFollower``. One thread.
public final class JobRun {
  private let client: JobClient
  private let bridge: Bridge
  private let request: RunRequest
  private let key: String?

  /// `key`: has the request repeated when its connection is lost before the job is known; never with
  /// ``RunRequest/removes``.
  public init(_ client: JobClient, _ bridge: Bridge, _ request: RunRequest, key: String? = nil) {
    (self.client, self.bridge, self.request, self.key) = (client, bridge, request, key)
  }

  /// Creates the job. Throws ``ClientError/uncertain(_:)`` when the connection is lost before the answer and there is no
  /// key: the job may run, or have run.
  public func start() throws -> RunningJobLog {
    let connection = try bridge.call {
      _ = try client.connection()
      return try ask()
    }
    guard let id = connection.header("job-id").flatMap({ JobID($0) }) else {
      throw ClientError.malformed("the server does not say which job it runs: is it jobd of this version?")
    }
    return RunningJobLog(id, LogFollower(client, id, bridge, after: connection))
  }

  private func ask() throws(ClientError) -> Connection {
    let headers = "Accept: \(MediaType.frames)\r\n" + client.headersOfCreation(key)
    do throws(ClientError) {
      return try client.ask(.run, Route.run.target(), headers: headers, body: JSONBody.encode(request))
    } catch {
      guard key == nil, error.isLoss else { throw error }
      throw .uncertain("\(error); whether the job runs, or has run, is not known")
    }
  }
}

/// A job that runs, and its output.
public struct RunningJobLog {
  public let id: JobID
  private let follower: LogFollower

  fileprivate init(_ id: JobID, _ follower: LogFollower) { (self.id, self.follower) = (id, follower) }

  /// Returns the job's status after the last piece of its output.
  public func read(_ taker: some LogFollower.Taker) throws -> StatusReply {
    try follower.read(follows: true, taker)
  }

  /// The reply was lost: a job that was to be removed with it is there.
  public var wasBridged: Bool { follower.requests > 1 }
}

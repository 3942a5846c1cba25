/// One of the replies at once that may follow output or events of a client; given back with its release.
final class FollowerPlace {
  private let clients: ClientTable
  private let client: Int

  /// `client`: its place in the table. Throws 429 when the client has `most`.
  init(_ clients: ClientTable, _ client: Int, most: Int) throws(Problem) {
    guard clients.beginFollowing(client, most: most) else {
      throw Problem(
        429, "\(most) of your requests follow output or events, the most a client may have at once",
        fields: [.retryLater])
    }
    self.clients = clients
    self.client = client
  }

  deinit { clients.endFollowing(client) }
}

extension Worker {
  func followerPlace(_ exchange: Exchange) throws(Problem) -> FollowerPlace {
    do throws(Problem) {
      return try FollowerPlace(api.clients, Int(exchange.client), most: api.configuration.clientFollowers)
    } catch {
      api.counts.add(.refusedFollowers, worker: index)
      throw error
    }
  }
}

/// One of the replies at once that may follow output or events of a client; given back with its release.
final class FollowerPermit {
  private let clients: ClientTable
  private let client: Int

  /// `client`: its index in the table. Throws 429 when the client has as many as it may.
  init(_ clients: ClientTable, _ client: Int) throws(Problem) {
    guard clients.beginFollowing(client) else {
      throw Problem(
        429,
        "\(clients.settings(client).followers) of your requests follow output or events, the most a client may have at once",
        fields: [.retryLater])
    }
    self.clients = clients
    self.client = client
  }

  deinit { clients.endFollowing(client) }
}

/// A reply that waits whole for the end of one job, or of several; counted as long as it lives.
final class RunCount {
  private let clients: ClientTable
  private let client: Int

  /// `client`: its index in the table.
  init(_ clients: ClientTable, _ client: Int) {
    (self.clients, self.client) = (clients, client)
    clients.countRun(client, 1)
  }

  deinit { clients.countRun(client, -1) }
}

extension Worker {
  func followerPermit(_ exchange: Exchange) throws(Problem) -> FollowerPermit {
    do throws(Problem) {
      return try FollowerPermit(api.clients, exchange.principal.client)
    } catch {
      api.counts.add(.refusedFollowers, worker: index)
      throw error
    }
  }
}

import Platform

/// The clients this process has met: a connection carries the client's place in this table, since a client that has
/// created no job yet has no number in the store. Any thread.
final class ClientTable: Sendable {
  struct Client {
    let name: String
    /// The store's number; nil while the client has created nothing.
    var number: Int64?
    var connections = 0
    /// Replies that follow output or events.
    var followers = 0
  }

  fileprivate struct State {
    var clients: [Client] = []
    var places: [String: Int] = [:]
  }

  private let state = Mutex(State())

  /// A connection of `name` was opened. Nil when the client has `most` of them. `number` looks up the store's.
  func open<Failure>(
    _ name: String, most: Int, number: () throws(Failure) -> Int64?
  ) throws(Failure) -> Int? {
    try state.withLock { state throws(Failure) in
      let place = state.place(of: name)
      guard state.clients[place].connections < most else { return nil }
      if state.clients[place].number == nil { state.clients[place].number = try number() }
      state.clients[place].connections += 1
      return place
    }
  }

  func close(_ place: Int) { state.withLock { $0.clients[place].connections -= 1 } }

  /// One more reply of the client's follows. False: it has `most` of them.
  func beginFollowing(_ place: Int, most: Int) -> Bool {
    state.withLock { state in
      guard state.clients[place].followers < most else { return false }
      state.clients[place].followers += 1
      return true
    }
  }

  func endFollowing(_ place: Int) { state.withLock { $0.clients[place].followers -= 1 } }

  /// Connections and following replies of all clients.
  var totals: (connections: Int, followers: Int) {
    state.withLock { state in
      state.clients.reduce(into: (0, 0)) { sum, client in
        sum.0 += client.connections
        sum.1 += client.followers
      }
    }
  }

  func name(_ place: Int) -> String { state.withLock { $0.clients[place].name } }
  /// Nil: it has created nothing, so no job is its own.
  func number(_ place: Int) -> Int64? { state.withLock { $0.clients[place].number } }

  /// The supervisor gave the client its number.
  func learn(_ name: String, number: Int64) {
    state.withLock { state in state.clients[state.place(of: name)].number = number }
  }
}

extension ClientTable.State {
  fileprivate mutating func place(of name: String) -> Int {
    if let place = places[name] { return place }
    clients.append(ClientTable.Client(name: name))
    places[name] = clients.count - 1
    return clients.count - 1
  }
}

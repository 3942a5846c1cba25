import JobModel
import Platform

/// The clients this process has met: a connection carries the client's index in this table, since a client that has
/// created no job yet has no number in the store. Any thread.
final class ClientTable: Sendable {
  struct Client {
    let name: String
    let settings: ClientSettings
    /// The store's number; nil while the client has created nothing.
    var number: Int64?
    var connections = 0
    /// Replies that follow output or events.
    var followers = 0
    /// Replies that wait whole for a job's end.
    var runs = 0
  }

  fileprivate struct State {
    let configuration: Configuration
    var clients: [Client] = []
    var indices: [ByteText: Int] = [:]
    /// By the store's number.
    var numbered: [Int64: Int] = [:]
  }

  private let state: Mutex<State>

  init(_ configuration: Configuration) { state = Mutex(State(configuration: configuration)) }

  /// A connection of `name` was opened. Nil when the client has as many as it may. `number` looks up the store's.
  func open<Failure>(
    _ name: String, number: () throws(Failure) -> Int64?
  ) throws(Failure) -> Int? {
    try state.withLock { state throws(Failure) in
      let index = state.index(of: name)
      guard state.clients[index].connections < state.clients[index].settings.connections else { return nil }
      if state.clients[index].number == nil, let number = try number() { state.learn(number, of: index) }
      state.clients[index].connections += 1
      return index
    }
  }

  func close(_ index: Int) { state.withLock { $0.clients[index].connections -= 1 } }

  /// One more reply of the client's follows. False: it has as many as it may.
  func beginFollowing(_ index: Int) -> Bool {
    state.withLock { state in
      guard state.clients[index].followers < state.clients[index].settings.followers else { return false }
      state.clients[index].followers += 1
      return true
    }
  }

  func endFollowing(_ index: Int) { state.withLock { $0.clients[index].followers -= 1 } }

  /// One more, or one less, reply of the client's waits whole for a job's end.
  func countRun(_ index: Int, _ more: Int) { state.withLock { $0.clients[index].runs += more } }

  /// Connections, following replies, and those that wait for a job's end, of all clients.
  var totals: (connections: Int, followers: Int, runs: Int) {
    state.withLock { state in
      state.clients.reduce(into: (0, 0, 0)) { sum, client in
        sum.0 += client.connections
        sum.1 += client.followers
        sum.2 += client.runs
      }
    }
  }

  /// Nil: this process has not met the client with this number of the store.
  func name(numbered number: Int64) -> String? {
    state.withLock { state in state.numbered[number].map { state.clients[$0].name } }
  }
  /// Of a client that need not be connected. `number`: the store's.
  func index(of name: String, number: Int64) -> Int {
    state.withLock { state in
      let index = state.index(of: name)
      state.learn(number, of: index)
      return index
    }
  }
  func settings(_ index: Int) -> ClientSettings { state.withLock { $0.clients[index].settings } }
  /// What its jobs have that do not name it.
  func defaults(_ index: Int) -> ClientSettings.Defaults {
    state.withLock { $0.clients[index].settings.defaults }
  }
  /// Nil: it has created nothing, so no job is its own.
  func number(_ index: Int) -> Int64? { state.withLock { $0.clients[index].number } }

  /// The supervisor gave the client its number.
  func learn(_ name: String, number: Int64) {
    state.withLock { state in state.learn(number, of: state.index(of: name)) }
  }

  /// Where the clients with these numbers are in the table, of those that this process has met.
  func indices(of numbers: [Int64]) -> [Int] {
    state.withLock { state in numbers.compactMap { state.numbered[$0] } }
  }
}

extension ClientTable.State {
  fileprivate mutating func index(of name: String) -> Int {
    let key = ByteText(name)
    if let index = indices[key] { return index }
    clients.append(ClientTable.Client(name: name, settings: configuration.settings(of: name)))
    indices[key] = clients.count - 1
    return clients.count - 1
  }

  fileprivate mutating func learn(_ number: Int64, of index: Int) {
    clients[index].number = number
    numbered[number] = index
  }
}

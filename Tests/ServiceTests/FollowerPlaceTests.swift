import Testing

@testable import JobService

@Suite struct FollowerPlaceTests {
  @Test func aClientHasSoManyAndAnotherItsOwn() throws {
    let clients = ClientTable()
    let alice = try #require(clients.open("alice", most: 9) { nil })
    let bob = try #require(clients.open("bob", most: 9) { nil })
    var held = [try FollowerPlace(clients, alice, most: 2), try FollowerPlace(clients, alice, most: 2)]
    #expect(throws: Problem.self) { try FollowerPlace(clients, alice, most: 2) }
    held.append(try FollowerPlace(clients, bob, most: 2))
    held.removeFirst()
    held.append(try FollowerPlace(clients, alice, most: 2))
    #expect(throws: Problem.self) { try FollowerPlace(clients, alice, most: 2) }
  }
}

import Testing

@testable import JobService

@Suite struct FollowerPermitTests {
  @Test func aClientHasSoManyAndAnotherItsOwn() throws {
    let clients = ClientTable()
    let alice = try #require(clients.open("alice", most: 9) { nil })
    let bob = try #require(clients.open("bob", most: 9) { nil })
    var held = [try FollowerPermit(clients, alice, most: 2), try FollowerPermit(clients, alice, most: 2)]
    #expect(throws: Problem.self) { try FollowerPermit(clients, alice, most: 2) }
    held.append(try FollowerPermit(clients, bob, most: 2))
    held.removeFirst()
    held.append(try FollowerPermit(clients, alice, most: 2))
    #expect(throws: Problem.self) { try FollowerPermit(clients, alice, most: 2) }
  }
}

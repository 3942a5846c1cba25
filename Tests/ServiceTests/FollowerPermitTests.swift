import Testing

@testable import JobModel
@testable import JobService

@Suite struct FollowerPermitTests {
  @Test func aClientHasSoManyAndAnotherItsOwn() throws {
    var configuration = Configuration()
    configuration.client.followers = 2
    let clients = ClientTable(configuration)
    let alice = try #require(clients.open("alice") { nil })
    let bob = try #require(clients.open("bob") { nil })
    var held = [try FollowerPermit(clients, alice), try FollowerPermit(clients, alice)]
    #expect(throws: Problem.self) { try FollowerPermit(clients, alice) }
    held.append(try FollowerPermit(clients, bob))
    held.removeFirst()
    held.append(try FollowerPermit(clients, alice))
    #expect(throws: Problem.self) { try FollowerPermit(clients, alice) }
  }
}

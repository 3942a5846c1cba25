import JobAPI
import JobModel
import Testing

@testable import JobSupervisor

/// Whose creations are handled when more come than a round of the loop takes.
struct CreationTurnsTests {
  private static let plan = JobPlan(CreateRequest(cmd: "true"))

  private func asked(_ ticket: UInt64, by name: String) -> CreationTurns.Asked {
    (ApiRequest.Creation(Self.plan), name, Caller(child: 1, ticket: ticket))
  }

  /// How many are handled as they come; the others are to be taken.
  private func burst(_ turns: inout CreationTurns, _ count: UInt64) -> UInt64 {
    var atOnce: UInt64 = 0
    for ticket in 1...count {
      if turns.takesAtOnce() { atOnce += 1 } else { add(ticket, to: &turns) }
    }
    return atOnce
  }

  private func add(
    _ ticket: UInt64, by name: String = "mallory", of client: Int64 = 1, to turns: inout CreationTurns,
    isTaken: Bool = true
  ) {
    let added = turns.add(asked(ticket, by: name), of: client)
    #expect(added == isTaken)
  }

  @Test func fewAreHandledAsTheyCome() {
    var turns = CreationTurns()
    for _ in 0..<3 {
      let (atOnce, later) = (burst(&turns, 10), turns.take())
      #expect(atOnce == 10 && later.isEmpty && turns.isEmpty)
    }
  }

  @Test func oneThatComesAfterThousandsIsHandledInTheSameRound() {
    var turns = CreationTurns()
    let atOnce = burst(&turns, 5000)
    #expect(atOnce > 0 && atOnce < 100)
    let overtakes = turns.takesAtOnce()
    #expect(!overtakes)
    add(1, by: "alice", of: 2, to: &turns)
    let round = turns.take()
    #expect(round.prefix(2).contains { $0.name == "alice" })
    // The others in their order, all of them.
    var tickets = round.filter { $0.name == "mallory" }.map(\.caller.ticket)
    while !turns.isEmpty { tickets += turns.take().map(\.caller.ticket) }
    #expect(tickets == Array(atOnce + 1...5000))
    let afterwards = burst(&turns, 1)
    #expect(afterwards == 1)
  }

  @Test func whatWaitsIsBoundedForEachClient() {
    var turns = CreationTurns()
    let atOnce = burst(&turns, 100)
    for ticket in 101...UInt64(CreationTurns.mostWaiting) + atOnce { add(ticket, to: &turns) }
    add(1, to: &turns, isTaken: false)
    add(1, by: "alice", of: 2, to: &turns)
  }
}

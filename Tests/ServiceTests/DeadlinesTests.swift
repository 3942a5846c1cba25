import Testing

@testable import JobLoop
@testable import JobService

struct DeadlinesTests {
  @Test func exchangesAreWokenInTheOrderOfTheirTimes() throws {
    let loop = try EventLoop()
    var woken: [UInt64] = []
    let deadlines = try Deadlines(loop, isOpen: { _ in true }, wake: { woken.append($0) })
    for number in [3, 1, 2] as [UInt64] { deadlines.add(number, after: Int64(number) * 5) }
    while woken.count < 3 { try loop.step(wait: true) }
    #expect(woken == [1, 2, 3] && deadlines.count == 0)
  }

  /// A client may ask to wait for years, and go away at once.
  @Test func timesOfExchangesThatEndedAreNotKept() throws {
    let loop = try EventLoop()
    var open: Set<UInt64> = []
    var woken: [UInt64] = []
    let deadlines = try Deadlines(loop, isOpen: { open.contains($0) }, wake: { woken.append($0) })
    for number in 0..<50_000 as Range<UInt64> {
      open.insert(number)
      deadlines.add(number, after: number % 1000 == 7 ? Int64(50_000 - number) / 1000 : 1 << 40)
      guard number % 1000 != 7 else { continue }
      open.remove(number)
      deadlines.exchangeEnded()
      #expect(deadlines.count <= 300)
    }
    while woken.count < 50 { try loop.step(wait: true) }
    #expect(Set(woken) == open, "those that wait on are woken")
  }
}

import Testing

@testable import JobLoop

/// One timer for each request that waits, released with it.
struct LoopTimerTests {
  /// What a timer's action holds as long as there is the timer.
  private final class Held {
    static nonisolated(unsafe) var count = 0
    init() { Self.count += 1 }
    deinit { Self.count -= 1 }
  }

  @Test func timersFireInTheOrderOfTheirTimes() throws {
    let loop = try EventLoop()
    var fired: [UInt64] = []
    let timers = try ([3, 1, 2] as [UInt64]).map { number in
      let timer = try LoopTimer(loop) { fired.append(number) }
      timer.start(milliseconds: number * 300)
      return timer
    }
    while fired.count < timers.count { try loop.step(wait: true) }
    #expect(fired == [1, 2, 3])
  }

  /// A client may ask to wait for years, and go away at once.
  @Test func nothingIsKeptOfTimersThatWereReleased() throws {
    let loop = try EventLoop()
    var waiting: [UInt64: LoopTimer] = [:]
    for number in 0..<50_000 as Range<UInt64> {
      let held = Held()
      let timer = try LoopTimer(loop) {
        // Released by its own action, as by a reply that is sent at once.
        withExtendedLifetime(held) { waiting[number] = nil }
      }
      let stays = number % 1000 == 7
      timer.start(milliseconds: stays ? (50_000 - number) / 1000 : 1 << 40)
      if stays { waiting[number] = timer }
    }
    #expect(waiting.count == 50 && Held.count == 50)
    while !waiting.isEmpty { try loop.step(wait: true) }
    #expect(Held.count == 0)
  }
}

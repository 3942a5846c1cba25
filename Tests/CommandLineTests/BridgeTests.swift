import JobClient
import Platform
import Testing

/// A lost connection is bridged for as long as was said, on a clock that only sleeping moves.
@Suite struct BridgeTests {
  private let time = TestClock()

  private func bridge(milliseconds: Int64 = 30_000) -> Bridge {
    let settings = ConnectionSettings(
      host: "nowhere.invalid", port: 1, authorityFile: "", certificateFile: "", keyFile: "")
    return Bridge(JobClient(settings), milliseconds: milliseconds, time.clock)
  }

  /// Fails with `error` until `attempts` were made.
  private func call(_ bridge: Bridge, _ error: ClientError, until attempts: Int) throws -> Int {
    var made = 0
    return try bridge.call {
      made += 1
      if made < attempts { throw error }
      return made
    }
  }

  @Test func pausesGrowUpToASecond() throws {
    let bridge = bridge()
    bridge.reached()
    #expect(try call(bridge, .closed(""), until: 9) == 9)
    #expect(time.naps == [50, 100, 200, 400, 800, 1000, 1000, 1000])
    #expect(try call(bridge, .closed(""), until: 2) == 2, "what succeeded begins anew")
    #expect(time.naps.last == 50)
  }

  @Test func eachLossIsToldOnceAndThatItIsOver() throws {
    let bridge = bridge()
    bridge.reached()
    var told: [String] = []
    bridge.onLoss = { told.append("lost") }
    bridge.onReturn = { told.append("back") }
    _ = try call(bridge, .closed(""), until: 5)
    bridge.reached()
    #expect(told == ["lost", "back"])
    _ = try call(bridge, .closed(""), until: 2)
    #expect(told == ["lost", "back", "lost", "back"])
  }

  @Test func itGivesUpWhenNobodyWasThereForThatLong() {
    let bridge = bridge(milliseconds: 3000)
    bridge.reached()
    let error = #expect(throws: ClientError.self) { try call(bridge, .connect("gone"), until: .max) }
    #expect(error?.description == "gone")
    #expect(time.naps.reduce(0, +) <= 3000 && time.naps.reduce(0, +) > 2000)
  }

  @Test func aHostWhereNobodyEverAnsweredIsNotWaitedFor() {
    #expect(throws: ClientError.self) { try call(bridge(), .connect(""), until: 2) }
    #expect(time.naps.isEmpty)
  }

  /// It may be about to be replaced; what hangs up on everybody is no jobd.
  @Test func aServerThatHangsUpOnEverybodyIsNotWaitedForLong() {
    let error = #expect(throws: ClientError.self) { try call(bridge(), .closed("hung up"), until: .max) }
    #expect(error?.description == "hung up")
    #expect((1000...2000).contains(time.naps.reduce(0, +)))
  }

  @Test func aServerThatNamesATimeIsAskedThenAndNotBefore() throws {
    #expect(try call(bridge(), .status(503, "", retryAfter: 7), until: 2) == 2)
    #expect(time.naps == [7000])
    #expect(throws: ClientError.self) {
      try call(bridge(milliseconds: 1000), .status(429, "", retryAfter: 7), until: 2)
    }
  }

  @Test func whatIsWrongForAnotherReasonIsNotTriedAgain() {
    let bridge = bridge()
    bridge.reached()
    for error in [ClientError.notFound, .untrusted(""), .status(409, "", retryAfter: nil)] {
      #expect(throws: ClientError.self) { try call(bridge, error, until: 2) }
    }
    #expect(time.naps.isEmpty)
  }
}

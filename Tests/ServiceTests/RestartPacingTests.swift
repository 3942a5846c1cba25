import Harness
import Testing

@testable import JobSupervisor

struct RestartPacingTests {
  @Test func oneThatServedIsReplacedAtOnce() {
    var pacing = RestartPacing()
    for _ in 0..<3 { #expect(pacing.pause(afterLife: RestartPacing.shortLife) == 0) }
  }

  @Test func theFirstThatDiesYoungIsReplacedAtOnceAndTheNextOnesLaterAndLater() {
    var pacing = RestartPacing()
    let pauses = (0..<8).map { _ in pacing.pause(afterLife: 0) }
    #expect(pauses == [0, 50, 100, 200, 400, 800, 1000, 1000])
    #expect(pacing.pause(afterLife: 1_000_000) == 0)
    #expect(pacing.pause(afterLife: 0) == 0)
  }

  /// However they die, a machine is not kept busy with starting them.
  @Test(arguments: 0..<200)
  func fewAreStarted(seed: UInt64) {
    var random = SplitMix(seed: seed)
    var pacing = RestartPacing()
    var time: Int64 = 0
    var starts = 0
    while time < 60_000_000 {
      let life = Int64.random(in: 0..<300_000, using: &random)
      time += life + Int64(pacing.pause(afterLife: life)) * 1000
      starts += 1
    }
    #expect(starts < 60 * 12)
  }
}

import Harness
import Testing

@testable import JobModel
@testable import JobSupervisor
@testable import Platform

/// Random creations and ends of several clients against a model of what each may do.
struct ClientLimitsTests {
  private static let configuration = {
    var configuration = Configuration()
    (configuration.client.runningJobs, configuration.client.createRate) = (5, 10)
    configuration.client.storedBytes = 1000
    return configuration
  }()

  private struct Model {
    var running = 0
    /// Times of the creations that were allowed, in microseconds.
    var created: [Int64] = []
  }

  @Test(arguments: 0..<300)
  func noClientGetsMoreThanItMay(seed: UInt64) throws {
    var random = SplitMix(seed: seed)
    var limits = ClientLimits(Self.configuration)
    var models: [Int64: Model] = [:]
    var now: Int64 = 1_000_000
    for _ in 0..<500 {
      now += Int64.random(in: 0...150_000, using: &random)
      let client = Int64.random(in: 1...3, using: &random)
      var model = models[client] ?? Model()
      if model.running > 0, Bool.random(using: &random) {
        limits.ended(client, now: now)
        model.running -= 1
      } else {
        let stored = Int64.random(in: 0...1100, using: &random)
        let refusal = limits.create(client, stored: stored, input: 0, now: now)?.refusal
        let lately = model.created.count { $0 > now - 1_000_000 }
        if refusal == nil {
          // A full bucket, and what flows in meanwhile.
          #expect(lately < 20)
          #expect(stored < 1000)
          #expect(limits.mayRun(client) == (model.running < 5))
          if model.running < 5 {
            limits.began(client, now: now)
            model.running += 1
          }
          model.created.append(now)
        } else {
          #expect(refusal?.reason == .tooMany)
          #expect(stored >= 1000 || lately > 0, "nobody is refused without a reason")
        }
      }
      models[client] = model
    }
  }

  @Test func soManyWaitAndNoMore() {
    var configuration = Self.configuration
    (configuration.client.queuedJobs, configuration.maxQueuedJobs) = (3, 5)
    let limits = ClientLimits(configuration)
    #expect(limits.waitRefusal(1, waiting: 2, of: 4) == nil)
    #expect(limits.waitRefusal(1, waiting: 3, of: 4)?.counter == .refusedClientQueuedJobs)
    let full = limits.waitRefusal(1, waiting: 2, of: 5)
    #expect(full?.counter == .refusedQueuedJobs && full?.refusal.reason == .unavailable)
  }

  @Test func inlineInputIsBoundedForEachClientAndForAll() {
    var configuration = Configuration()
    (configuration.client.memory, configuration.maxMemory) = (100, 150)
    var limits = ClientLimits(configuration)
    #expect(limits.create(1, stored: 0, input: 60, now: 1) == nil)
    let refused = limits.create(1, stored: 0, input: 50, now: 1)
    #expect(refused?.counter == .refusedClientMemory && refused?.refusal.reason == .unavailable)
    #expect(limits.create(1, stored: 0, input: 0, now: 1) == nil)
    #expect(limits.create(2, stored: 0, input: 90, now: 1) == nil)
    #expect(limits.create(3, stored: 0, input: 10, now: 1)?.counter == .refusedMemory)
    limits.hold(1, input: -60, now: 1)
    #expect(limits.create(3, stored: 0, input: 10, now: 1) == nil)
  }

  @Test func oneClientHasItsOwnSettingsFromWhenTheyAreSet() {
    var limits = ClientLimits(Self.configuration)
    var settings = Self.configuration.client
    (settings.runningJobs, settings.storedBytes, settings.memory) = (1, 10, 7)
    limits.set(settings, for: 1)
    #expect(limits.settings(of: 1) == settings && limits.settings(of: 2) == Self.configuration.client)
    #expect(limits.create(1, stored: 10, input: 0, now: 1)?.counter == .refusedClientStoredBytes)
    #expect(limits.create(2, stored: 10, input: 0, now: 1) == nil)
    #expect(limits.create(1, stored: 9, input: 8, now: 1)?.counter == .refusedClientMemory)
    #expect(limits.create(1, stored: 9, input: 7, now: 1) == nil)
    #expect(limits.mayRun(1))
    limits.began(1, now: 1)
    #expect(!limits.mayRun(1) && limits.mayRun(2))
    (settings.runningJobs, settings.queuedJobs) = (2, 5)
    limits.set(settings, for: 1)
    #expect(limits.mayRun(1), "what ran before counts on")
    #expect(
      limits.waitRefusal(1, waiting: 5, of: 5) != nil && limits.waitRefusal(2, waiting: 5, of: 5) == nil)
    limits.set(Self.configuration.client, for: 1)
    #expect(limits.settings(of: 1) == Self.configuration.client)
    limits.ended(1, now: 2)
  }
}

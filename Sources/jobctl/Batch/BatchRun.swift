import Glibc
import JobAPI
import JobClient
import Platform

/// A batch from its input to its end: a thread reads and sends, one hears of what happened, and some deal with what ended.
struct BatchRun: Sendable {
  /// What the command line asks for.
  struct Plan: Sendable {
    let settings: ConnectionSettings
    let traceparent: Traceparent?
    let form: BatchForm
    let key: String
    let rules: BatchBook.Rules
    let results: BatchResults?
    let total: Int?
  }

  let plan: Plan
  let progress: BatchProgress
  private let desk: BatchDesk
  private let console = BatchConsole()

  /// Threads that fetch output; one is enough to tell of failures.
  private static let fetchers = 4

  init(_ plan: Plan) {
    self.plan = plan
    progress = BatchProgress(total: plan.total)
    desk = BatchDesk(plan.rules, dealers: plan.results == nil ? 1 : Self.fetchers)
  }

  /// Returns when all has ended: how, and whether all was run.
  func run(_ input: BatchInput) throws -> (counts: BatchBook.Counts, isWhole: Bool) {
    let (desk, progress) = (desk, progress)
    try BatchInterrupt.tell { [self] in giveUp("interrupted: ") }
    try console.start { progress.line(desk.counts) }
    defer { console.finish() }
    do {
      try watch()
      try work(input)
    } catch {
      giveUp()
      throw error
    }
    return desk.with { ($0.counts, $0.isWhole) }
  }

  /// Says how far it is, and how to go on.
  private func giveUp(_ why: String = "") {
    console.finish()
    plan.results?.abandon()
    guard desk.with({ $0.hasAsked }) else { return }
    Terminal.complain(
      """
      jobctl: \(why)\(progress.line(desk.counts))
        to go on: the same command, with --key \(plan.key)
      """)
    guard desk.with({ $0.isBusy }) else { return }
    Terminal.complain(
      "  what was sent runs on; to stop it: jobctl stop --filter label=\(BatchForm.label)=\(plan.key)")
  }

  /// A connection of its own.
  private func client() -> JobClient {
    let client = JobClient(plan.settings)
    client.traceparent = plan.traceparent
    return client
  }

  /// Returns once all that happens is heard of.
  private func watch() throws {
    let begun = Semaphore()
    try SystemThread.detach { [self] in
      do {
        try BatchWatch(desk, client()).run { begun.post() }
      } catch {
        desk.fail(error)
        begun.post()
      }
    }
    begun.wait()
    _ = try desk.wait(.room, milliseconds: 0)
  }

  private func work(_ input: BatchInput) throws {
    var threads: [pthread_t] = []
    defer {
      desk.close()
      for thread in threads { pthread_join(thread, nil) }
    }
    for _ in 0..<desk.dealers {
      threads.append(
        try SystemThread.start(takesSignals: true) { [self] in
          let dealer = BatchDealer(
            desk: desk, creation: creation(), form: plan.form, results: plan.results, console: console)
          do { try dealer.run() } catch { desk.fail(error) }
        })
    }
    var sender = BatchSender(desk, creation(), plan.form, plan.results, input, most: plan.rules.fewWaiting)
    try sender.run()
  }

  private func creation() -> BatchCreation { BatchCreation(desk, console, client(), key: plan.key) }
}

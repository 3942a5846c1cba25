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
    /// Somebody types the commands.
    var isTyped = false

    var advice: BatchAdvice { BatchAdvice(key: key, rules: rules) }
  }

  /// What became of it.
  struct Outcome {
    let counts: BatchBook.Counts
    /// All was run, and nothing was kept back.
    let isWhole: Bool
    /// The line where the input was left.
    let wrong: BatchFault?
  }

  let plan: Plan
  let progress: BatchProgress
  private let desk: BatchDesk
  private let console: BatchConsole

  /// Threads that fetch output; one is enough to tell of failures.
  private static let fetchers = 4

  init(_ plan: Plan) {
    self.plan = plan
    progress = BatchProgress(total: plan.total)
    console = BatchConsole(isTyped: plan.isTyped)
    desk = BatchDesk(plan.rules, dealers: plan.results == nil ? 1 : Self.fetchers)
  }

  /// Returns when all has ended that was sent.
  func run(_ input: BatchInput) throws -> Outcome {
    let (desk, progress) = (desk, progress)
    try BatchInterrupt.tell { [self] in giveUp("interrupted: ", canGoOn: true) }
    try console.start { progress.line(desk.counts) }
    defer { console.finish() }
    do {
      try watch()
      let wrong = try work(input)
      return desk.with {
        $0.isOver = true
        return Outcome(counts: $0.counts, isWhole: $0.isWhole && wrong == nil, wrong: wrong)
      }
    } catch {
      giveUp(canGoOn: !(error is BatchConflict))
      throw error
    }
  }

  /// Says how far it is, and how to go on.
  private func giveUp(_ why: String = "", canGoOn: Bool) {
    console.finish()
    plan.results?.abandon()
    let (hasAsked, isOver, counts, isBusy) = desk.with { ($0.hasAsked, $0.isOver, $0.counts, $0.mayBeBusy) }
    guard hasAsked else { return }
    let hasLeft = !isOver && progress.total.map { counts.done < $0 } ?? true
    let advice = plan.advice.onLeaving(counts, hasLeft: hasLeft, canGoOn: canGoOn, isBusy: isBusy)
    let lines = ["jobctl: \(why)\(progress.line(counts))"] + advice.map { "  \($0)" }
    Terminal.complain(lines.joined(separator: "\n"))
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

  private func work(_ input: BatchInput) throws -> BatchFault? {
    var threads: [pthread_t] = []
    defer {
      desk.close()
      for thread in threads { pthread_join(thread, nil) }
    }
    let creation = creation()
    if desk.dealers > 1 { _ = creation.client.isLetIn() }
    for number in 0..<desk.dealers {
      let begun = Semaphore()
      threads.append(try SystemThread.start(takesSignals: true) { [self] in deal(number) { begun.post() } })
      // The daemon may let this client have few connections: the sender and the first dealer need theirs.
      if number == 0 { begun.wait() }
    }
    var sender = BatchSender(desk, creation, plan.form, plan.results, input, most: plan.rules.fewWaiting)
    return try sender.run()
  }

  /// A dealer's thread. Those for which there is no connection leave the work to the first.
  private func deal(_ number: Int, begun: () -> Void) {
    let creation = creation()
    let isLetIn = desk.dealers == 1 || creation.client.isLetIn()
    begun()
    guard isLetIn || number == 0 else { return }
    let dealer = BatchDealer(
      desk: desk, creation: creation, form: plan.form, results: plan.results, console: console)
    do { try dealer.run() } catch { desk.fail(error) }
  }

  private func creation() -> BatchCreation { BatchCreation(desk, console, client(), key: plan.key) }
}

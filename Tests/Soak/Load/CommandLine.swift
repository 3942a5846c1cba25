import Glibc
import Harness
import JobAPI

/// A real `jobctl run` with standard input, which bridges whatever happens by itself.
extension LoadClient {
  func run() throws {
    let index = plan(.fed, size: pick(0...300_000))
    let plan = ledger[index].plan
    let removes = chance(50)
    let scratch = try Scratch()
    defer { scratch.remove() }
    let options =
      ["run", "--label", "tag=\(plan.tag)", "--env", "\(context.mark.name)=\(context.mark.value)"]
      + (removes ? ["--rm"] : [])
    let running = try Running(
      Programs.jobctl, options + ["/bin/sh"] + plan.arguments(context),
      environment: context.jobctlEnvironment(name), input: plan.input, directory: scratch)
    let done = try running.wait(seconds: 180)
    context.counters.add(.created)
    context.counters.add(.runs)
    try judge(done, index, removes)
  }

  private func judge(_ done: Finished, _ index: Int, _ removes: Bool) throws {
    let entry = ledger[index]
    // Whether it may have been is told by the list in the end, where it is not removed.
    // Of one that goes with its delivery jobctl may not have learned the id, and cannot ask again: 121.
    let isUnknown = removes && done.status == 121
    let isLost = (done.status == 125 || isUnknown) && context.supervisorMayHaveDied(since: entry.asked)
    guard done.status == entry.plan.code || isLost else {
      throw Violation(
        "jobctl run of job \(entry.plan.tag) has status \(done.status) and should have \(entry.plan.code): "
          + done.errorText)
    }
    var comparison = StreamComparison("jobctl's output of job \(entry.plan.tag)", entry.plan.stdout)
    try done.output.withUnsafeBytes { try comparison.take($0) }
    if !isLost { try comparison.mustBeComplete() }
    context.counters.add(.followed, done.output.count)
    context.counters.add(isLost ? .lost : .finished)
    // With --rm a lost job was removed, if jobctl got as far as that.
    guard !isLost else { return }
    ledger[index].fate = .finished
    if removes { ledger[index].fate = .deleted }
  }
}

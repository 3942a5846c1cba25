/// What can be done about a batch, in lines below what is told of it.
struct BatchAdvice {
  let key: String
  let rules: BatchBook.Rules

  /// After all has ended that was sent. `isSeen`: somebody reads it, also where all went well. `wrong`: a line was, and
  /// what came after it was not read.
  func afterEnd(_ counts: BatchBook.Counts, notRun: Int, wrong: Bool, isSeen: Bool) -> [String] {
    let isFine = counts.failed == 0 && notRun == 0 && !wrong
    guard isSeen || !isFine else { return [] }
    var lines: [String] = []
    if wrong {
      lines.append(
        "to go on: the same command with \(named), the wrong line mended; what ran is not run again")
    }
    // What was deleted would count as failed.
    let isDeleted =
      rules.removesSuccesses && rules.keepsGoing && !rules.keepsResults && notRun == 0 && !wrong
    if counts.failed > 0, !isDeleted {
      lines.append(
        "to try what failed once more: the same command with \(named) --retry \(rules.retries + 1), which counts earlier attempts too"
      )
    }
    if notRun > 0, counts.failed > 0, !rules.keepsGoing {
      lines.append("to run the rest, whatever failed: the same command with \(named) --keep-going")
    } else if notRun > 0, !wrong {
      lines.append("to run the rest: the same command with \(named)")
    }
    if counts.failed > 0 {
      lines.append("a line that is changed needs another --key, under which all lines run")
    }
    if counts.done > 0, let jobs = jobs(counts) { lines.append(jobs) }
    return lines
  }

  /// Nil: none are kept.
  private func jobs(_ counts: BatchBook.Counts) -> String? {
    guard rules.removesSuccesses else { return "to see the jobs: \(list)" }
    return counts.failed > 0 ? "to see the jobs that failed: \(list)" : nil
  }

  /// When jobctl ends before the batch. `hasLeft`: commands are, of which the end is not known. `canGoOn`: the same command may be
  /// given again. `isBusy`: something runs on.
  func onLeaving(_ counts: BatchBook.Counts, hasLeft: Bool, canGoOn: Bool, isBusy: Bool) -> [String] {
    var lines: [String] = []
    if canGoOn, hasLeft {
      let further = counts.failed > 0 && !rules.keepsGoing ? " --keep-going, or it stops at what failed" : ""
      lines.append("to go on: the same command with \(named)\(further)")
    } else if rules.removesSuccesses, !hasLeft, !isBusy {
      lines.append("not all jobs that succeeded are deleted; to see what is left: \(list)")
    }
    if isBusy {
      lines.append("what was sent and has not ended runs on; to stop it: jobctl stop --filter \(label)")
    }
    return lines
  }

  private var named: String { "--key \(key)" }
  private var list: String { "jobctl ps --all --filter \(label)" }
  private var label: String { "label=\(BatchForm.label)=\(key)" }
}

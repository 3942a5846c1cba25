import Glibc
import JobAPI
import JobClient
import Platform

extension Command {
  static let batch = Command(
    name: "batch", summary: "Runs many commands: each line of a file, or of standard input, is one.",
    operands: .optionalFile,
    options: [
      Option(
        "jobs", short: "j", .number(1...Int(CreateRequest.Limits.queueSlots)),
        "Runs no more than N at once. Not given: as many as the daemon lets, so that most have begun when the first fails."
      ),
      Option(
        "keep-going", short: "k",
        "Runs all of them, also after one has failed. Else nothing is sent after a failure; with -j the next is sent when one has ended, so that nothing else begins."
      ),
      Option(
        "retry", .number(0...1000),
        "Runs a command that fails, or is not found, up to N times more before it counts as failed; attempts of earlier runs count."
      ),
      Option(
        "results", .directory,
        "Keeps each command's output, and how it ended in results.jsonl, in this directory."),
      Option("shell", "Has \"sh -c\" run each line, as it is."),
      Option(
        "key", .text("KEY"), "Names the batch: who starts it again with the same one goes on where it was."),
      Option(
        "cert-key", .file,
        "The key of the client's certificate (JOBCTL_KEY), which is --key of the other commands."),
      Option(
        "rm",
        "Deletes the jobs that succeeded, when all commands have ended; only with --results the batch may be started again after that."
      ),
      .output("json: the summary as an object."),
    ] + JobOptions.ofEach,
    details: """
      A line is a command, its words split as a shell does it: by quotes and backslashes, with nothing expanded; empty lines and those that begin with # are skipped. \
      A line that begins with { is a JSON object with the members of a creation, which win over the options. A file is looked through before \
      anything is sent; what comes through a pipe runs as it comes. A command failed when its exit code is not 0, or when a signal or a limit ended it, or \
      when it could not be started: it is told at once, with the last lines of its stderr and its stdout. \
      Without --keep-going nothing is sent after that, what waits for a slot of the daemon is taken out of its queue, \
      and what runs is waited for. With -j at most N are in the daemon, so that with -j 1 nothing begins after a \
      failure; without -j hundreds are sent at once, and a failure seldom keeps one from running. The exit status is 0 when all succeeded and else 1. \
      Jobs have the label batch=KEY, and are kept unless --rm is given: "jobctl ps --all --filter label=batch=KEY" shows them. \
      With the same --key, input and options a batch that was interrupted, by whatever, \
      goes on where it was: no command is run twice as long as the daemon keeps its job, and for a day at least. Of the options \
      --keep-going and --retry may change. \
      A command whose job somebody removed counts as failed, for how it ended is not known: so do all that --rm deleted, unless --results has them. \
      A command that failed stays so, unless --retry gives it another attempt; one that is changed needs another --key, under which all run. \
      DIRECTORY has N.stdout and N.stderr for line N of the input, and a line for each command in results.jsonl; what is recorded there is not looked for again. \
      jobctl needs three connections of those that the daemon lets a client have, and with --results takes up to six. \
      When jobctl is interrupted, what was sent goes on, and jobctl says how to stop it.
      """,
    examples: [
      ("jobctl batch -j 4 commands.txt", "four at once, until one fails"),
      (
        "find . -name '*.wav' -printf 'lame -- \"%p\"\\n' | jobctl batch --cwd $PWD --keep-going",
        "as they are found"
      ),
      (
        "jobctl batch --key nightly --results out --retry 2 commands.txt",
        "may be interrupted and started again"
      ),
    ]
  ) { try BatchCommand($0).run() }
}

private struct BatchCommand {
  private let invocation: Invocation
  private let key: String
  private let settings: Settings

  init(_ invocation: Invocation) throws {
    self.invocation = invocation
    settings = try Settings(invocation)
    key = invocation.value("key") ?? IdempotencyKey.fresh()
    // What may be part of a queue's name, a label and an idempotency key.
    guard CreateRequest.isPlainName(key, most: 64) else {
      throw invocation.usage(
        "--key is \"\(Text.printable(key))\", but must be 1 to 64 letters, digits, '-', '_' or '.'; the key of the certificate is given by --cert-key here"
      )
    }
    if invocation.has("jobs"), invocation.has("queue") || invocation.has("queue-slots") {
      throw invocation.usage("--jobs is a queue of the batch's own, and excludes --queue and --queue-slots")
    }
  }

  func run() throws -> Int32 {
    let connection = try settings.connection()
    let form = try form()
    let input = try BatchInput(invocation.arguments.first)
    if input.isTyped {
      Terminal.complain("jobctl: reads commands from the keyboard, one a line; Ctrl-D ends them")
    }
    let plan = try plan(connection, form, input)
    let run = BatchRun(plan)
    let outcome: BatchRun.Outcome
    do { outcome = try run.run(input) } catch let conflict as BatchConflict {
      throw invocation.usage("\(input.name): \(conflict)")
    }
    // First: once jobs are removed nobody can ask how they ended.
    try tell(outcome, run)
    if invocation.has("rm"), outcome.isWhole { try BatchCleanup.run(connection, key: key) }
    if let wrong = outcome.wrong { throw invocation.usage("\(input.name): \(wrong)") }
    return outcome.counts.failed == 0 && outcome.isWhole ? 0 : 1
  }

  private func tell(_ outcome: BatchRun.Outcome, _ run: BatchRun) throws {
    let (counts, progress) = (outcome.counts, run.progress)
    try invocation.print(Summary(key, counts, progress), progress.summary(counts))
    let advice = run.plan.advice.afterEnd(
      counts, notRun: progress.notRun(counts) ?? 0, wrong: outcome.wrong != nil,
      isSeen: isatty(STDERR_FILENO) == 1)
    if !advice.isEmpty { Terminal.complain(advice.map { "  \($0)" }.joined(separator: "\n")) }
  }

  private func plan(
    _ connection: ConnectionSettings, _ form: BatchForm, _ input: BatchInput
  ) throws -> BatchRun.Plan {
    let (retries, slots) = (invocation.number("retry") ?? 0, invocation.number("jobs"))
    let most = BatchPack.most(slots: slots)
    let total = try count(input, form)
    let results = try invocation.value("results").map {
      try BatchResults($0, key: key, packs: BatchPack(most: most, common: form.weight).rule, retries: retries)
    }
    return BatchRun.Plan(
      settings: connection, traceparent: try settings.client().traceparent, form: form, key: key,
      rules: BatchBook.Rules(
        fewWaiting: most, mostInHand: invocation.has("keep-going") ? .max : slots ?? .max, retries: retries,
        keepsGoing: invocation.has("keep-going"), keepsResults: results != nil,
        removesSuccesses: invocation.has("rm")), results: results, total: total, isTyped: input.isTyped)
  }

  private func form() throws -> BatchForm {
    // Only for what is checked of all jobs alike: each line has a command of its own.
    let common = try JobOptions.request(invocation, settings, ["sh"])
    guard common.labels?[BatchForm.label] == nil else {
      throw invocation.usage("--label \(BatchForm.label) is the batch's own, which has the value of --key")
    }
    return BatchForm(
      common, key: key, usesShell: invocation.has("shell"), slots: invocation.number("jobs"))
  }

  /// Looks at all lines before anything is sent, where they can be read twice. Nil: they cannot.
  private func count(_ input: BatchInput, _ form: BatchForm) throws -> Int? {
    guard input.canBeRepeated else { return nil }
    let lines = try BatchLines(input, form)
    if let faults = lines.faults(of: input.name) { throw invocation.usage(faults) }
    return lines.count
  }

  private struct Summary: Encodable {
    let key: String
    let succeeded, failed: Int
    let notRun: Int?
    let seconds: Double

    enum CodingKeys: String, CodingKey {
      case key, succeeded, failed, seconds
      case notRun = "not_run"
    }

    init(_ key: String, _ counts: BatchBook.Counts, _ progress: BatchProgress) {
      (self.key, succeeded, failed) = (key, counts.succeeded, counts.failed)
      (notRun, seconds) = (progress.notRun(counts), progress.seconds)
    }
  }
}

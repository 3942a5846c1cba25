import JobAPI
import Platform

/// Why a job ended, and where its time went.
struct JobStory {
  let job: JobDetail
  /// Microseconds of each span, where it is known. What goes on lasts until now.
  let spans: Spans

  struct Spans: Equatable {
    /// To bring its creation to the disk; to wait for its launch; to start its program.
    var store, wait, start: Int64?
    /// Of its program, and until it wrote something.
    var run, untilOutput: Int64?
    /// To bring its result to the disk.
    var save: Int64?
    /// From its creation to its end.
    var all: Int64?
  }

  /// `now`: microseconds since 1970.
  init(_ job: JobDetail, now: Int64) {
    self.job = job
    let times = job.times
    func time(_ text: String?) -> Int64? { text.flatMap { TimeText.microseconds($0) } }
    let end = time(times.ended) ?? (job.status == .running ? now : nil)
    func span(_ from: String?, _ to: Int64?) -> Int64? {
      guard let from = time(from), let to else { return nil }
      return max(0, to - from)
    }
    let launched = time(times.launched)
    spans = Spans(
      store: span(times.created, time(times.stored)),
      wait: span(times.stored ?? times.created, launched ?? (times.started == nil ? end : nil)),
      start: span(times.launched, time(times.started) ?? (launched == nil ? nil : end)),
      run: span(times.started, end), untilOutput: span(times.started, time(times.firstOutput)),
      save: span(times.ended, time(times.saved)), all: span(times.created, end))
  }

  /// In plain words.
  var lines: [String] {
    let rest = [cause, error, cleanup, runnerError, way, usage, output].compactMap { $0 }
    return ["job \(job.id) \(outcome)"] + rest.map { "  \($0)" }
  }

  private var outcome: String {
    let after = spans.all.map { " after \(Spell.time($0))" } ?? ""
    switch job.status {
    case .running where job.queued == true:
      return "waits for a slot\(queue), for \(Spell.time(spans.all ?? 0))\(ahead)"
    case .running where job.times.started == nil:
      return "waits for its launch, for \(Spell.time(spans.all ?? 0))"
    case .running: return "runs, for \(Spell.time(spans.run ?? 0))"
    case .error: return "is in state error\(after)"
    case .completed:
      if let signal = job.signal { return "was ended by signal \(Self.name(signal))\(after)" }
      return "completed with exit code \(job.exitCode ?? 0)\(after)"
    }
  }

  private var queue: String { job.queue.map { " of the queue \($0)" } ?? "" }

  private var ahead: String {
    guard let ahead = job.ahead else { return "" }
    let more = ahead >= JobFacts.mostAhead ? " or more" : ""
    return ": \(ahead)\(more) of your jobs \(ahead == 1 ? "goes" : "go") before it"
  }

  private static func name(_ signal: Int32) -> String {
    SignalName(number: signal).map { "\($0)" } ?? "\(signal)"
  }

  /// What ended it.
  private var cause: String? {
    switch job.state.endedBy {
    case nil: return nil
    case .exit: return "its program exited by itself"
    case .signal:
      return "the signal came from itself, from \"jobctl signal\" or from elsewhere on the host"
    case .timeout: return "its time limit\(job.timeout.map { " of \($0)" } ?? "") was over; \(reaction)"
    case .stop: return "\(stopped("it was stopped")); \(reaction)"
    case .shutdown: return "\(stopped("the daemon was stopped")); \(reaction)"
    case .outputLimit:
      return "it wrote more than its output limit\(job.outputLimit.map { " of \(ByteCount.text($0))" } ?? "")"
    case .memory:
      return "it needed more than its memory limit\(job.limits?.memory.map { " of \($0)" } ?? "")"
    case .lost: return "nobody knows how it ended"
    }
  }

  private func stopped(_ what: String) -> String {
    guard let stopped = job.state.stoppedBy else { return what }
    return "\(what)\(stopped.client.map { " by \(Text.printable($0))" } ?? "") at \(stopped.time)"
  }

  /// What the job made of being told to end.
  private var reaction: String {
    guard job.times.started != nil else { return "it was not started yet" }
    let asked = job.state.stoppedBy.flatMap { TimeText.microseconds($0.time) }
    let ended = job.times.ended.flatMap { TimeText.microseconds($0) }
    let later = asked.flatMap { asked in ended.map { " \(Spell.time(max(0, $0 - asked))) later" } } ?? ""
    switch job.signal {
    case nil: return "it exited\(later)"
    case let signal?: return "signal \(Self.name(signal)) ended it\(later)"
    }
  }

  private var error: String? { job.errorMessage.map(Text.printable) }

  /// What became of what its runner started elsewhere.
  private var cleanup: String? {
    switch job.cleanup {
    case nil: nil
    case .pending: "what\(runner) may have left of it is being ended"
    case .done: "what\(runner) may have left of it was ended"
    }
  }

  private var runnerError: String? { job.runnerError.map { "an error of\(runner): \(Text.printable($0))" } }

  private var runner: String { " the runner" + (job.runner.map { " \($0)" } ?? "") }

  /// Where its time went.
  private var way: String? {
    var parts: [String] = []
    // What takes no more than this is not worth a word.
    let worth: Int64 = 100_000
    if let store = spans.store, store >= worth { parts.append("stored in \(Spell.time(store))") }
    if let wait = spans.wait { parts.append("queued \(Spell.time(wait))") }
    if let start = spans.start { parts.append("start \(Spell.time(start))") }
    if let run = spans.run {
      let verb = job.status == .running ? "has run" : "ran"
      parts.append("\(verb) \(Spell.time(run))\(throttled)")
    }
    if let first = spans.untilOutput { parts.append("first output after \(Spell.time(first))") }
    if let save = spans.save, save >= worth { parts.append("saved in \(Spell.time(save))") }
    return parts.isEmpty ? nil : parts.joined(separator: ", ")
  }

  private var throttled: String {
    guard let time = job.usage?.throttledMicroseconds, time > 0 else { return "" }
    return " of which throttled \(Spell.time(time))" + (job.limits?.cpus.map { " by --cpus \($0)" } ?? "")
  }

  private var usage: String? {
    guard let usage = job.usage else { return nil }
    let cpu = "\(Spell.time(usage.userMicroseconds)) user, \(Spell.time(usage.systemMicroseconds)) system"
    var parts = ["CPU time \(cpu)"]
    if let now = usage.memoryBytes { parts.append("memory \(ByteCount.text(now)) now") }
    if let most = usage.maxResidentKiB {
      let limit = job.limits?.memory.map { " of \($0)" } ?? ""
      parts.append("memory at most \(ByteCount.text(most * 1024))\(limit)")
    }
    return parts.joined(separator: "; ")
  }

  private var output: String? {
    let (stdout, stderr) = (job.stdoutBytes, job.stderrBytes)
    let dropped = (job.stdoutDropped ?? 0) + (job.stderrDropped ?? 0)
    guard stdout + stderr + dropped > 0 else { return job.times.started == nil ? nil : "no output" }
    let kept = "\(ByteCount.text(stdout)) of stdout and \(ByteCount.text(stderr)) of stderr kept"
    return "\(kept)\(dropped > 0 ? ", \(ByteCount.text(dropped)) dropped" : "")"
  }
}

/// The same as JSON. Spans of time are in microseconds.
struct JobStoryReply: Encodable {
  let id: JobID
  let status: StatusReply
  let times: JobTimes
  let usage: ResourceUsage?
  let spans: Spans
  /// In plain words.
  let text: [String]

  struct Spans: Encodable {
    let stored, queued, start, run, firstOutput, saved, all: Int64?

    enum CodingKeys: String, CodingKey {
      case stored = "stored_us"
      case queued = "queued_us"
      case start = "start_us"
      case run = "run_us"
      case firstOutput = "first_output_us"
      case saved = "saved_us"
      case all = "all_us"
    }
  }

  init(_ story: JobStory) {
    (id, status, times) = (story.job.id, story.job.state, story.job.times)
    usage = story.job.usage
    let from = story.spans
    spans = Spans(
      stored: from.store, queued: from.wait, start: from.start, run: from.run, firstOutput: from.untilOutput,
      saved: from.save, all: from.all)
    text = story.lines.map { $0.trimmed }
  }
}

extension String {
  /// Without the spaces that it begins with.
  fileprivate var trimmed: String { String(drop { $0 == " " }) }
}

import JobAPI
import JobClient
import Platform

/// Deals with commands that ended: keeps their results, tells of failures, runs some again. One thread's.
struct BatchDealer {
  let desk: BatchDesk
  let creation: BatchCreation
  let form: BatchForm
  let results: BatchResults?
  let console: BatchConsole

  func run() throws {
    while let ended = desk.nextEnded() { try deal(ended) }
  }

  private func deal(_ ended: BatchBook.Ended) throws {
    var verdict = desk.with { $0.verdict(ended) }
    if case .again(let attempt, let tries) = verdict {
      let job = BatchBook.Job(line: ended.job.line, attempt: attempt, tries: tries)
      if try !creation.send(job, try form.request(job.line)) {
        verdict = ended.status?.neverRan == true ? .notRun : .failed
      }
    }
    switch verdict {
    case .again: break
    case .succeeded: try keep(ended, verdict)
    case .failed:
      try keep(ended, verdict)
      console.tell(try failure(ended))
    case .notRun: if !desk.with({ $0.isStopping }) { console.tell(try failure(ended)) }
    }
    desk.with { $0.close(verdict) }
  }

  private func keep(_ ended: BatchBook.Ended, _ verdict: BatchBook.Verdict) throws {
    if case .failedBefore = ended.end { return }
    guard let results else { return }
    let record = BatchRecord(
      batch: creation.key, packs: results.packs, line: ended.job.line.number,
      command: form.name(ended.job.line), id: ended.id,
      attempts: ended.job.tries,
      succeeded: verdict == .succeeded, status: ended.status, error: ended.fault)
    try results.keep(record, creation.client, creation.bridge)
  }

  private func failure(_ ended: BatchBook.Ended) throws -> [String] {
    let tries = ended.job.tries > 1 ? " after \(ended.job.tries) attempts" : ""
    let verb = ended.status?.neverRan == true ? "was not run" : "failed\(tries)"
    let job = ended.id.map { " (job \($0))" } ?? ""
    let command = Text.cut(form.name(ended.job.line), 200)
    let head = "jobctl: line \(ended.job.line.number) \(verb): \(command): \(ended.story)\(job)"
    guard let id = ended.id, ended.status != nil else { return [head] }
    return [head] + (try LastLines(creation.client, id).read(creation.bridge)).map { "  \($0)" }
  }
}

extension BatchBook.Ended {
  var status: StatusReply? {
    if case .status(let status, _) = end { return status }
    return nil
  }

  /// Why there is no status.
  var fault: String? {
    switch end {
    case .status: nil
    case .removed(wasBefore: false): "its job was removed before its end was seen"
    case .removed(wasBefore: true):
      "its job is gone, and how it ended is not known: somebody removed it, or --rm when the batch had ended"
    case .refused(let text): "the daemon does not take it: \(text)"
    case .failedBefore: "it failed in an earlier run"
    }
  }

  /// How it ended.
  var story: String { status.map(StatusText.line) ?? Text.printable(fault ?? "") }
}

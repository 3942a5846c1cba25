import JobAPI
import JobModel

/// An exchange's view of a job whose output it follows: registered for its changes until it ends.
final class FollowedJob {
  private unowned let worker: Worker
  let id: JobID
  private let client: Int64
  private let observer: JobTable.Observer
  private var last: JobTable.Entry
  private let permit: FollowerPermit

  /// Throws ``MissingOutput`` when a job that has ended lacks some of `streams`.
  init(
    _ worker: Worker, _ id: JobID, _ exchange: Exchange, _ route: Route, _ streams: [OutputStream],
    _ permit: FollowerPermit? = nil
  ) throws {
    let client = try worker.owner(of: id, exchange.principal, route)
    self.permit = try permit ?? worker.followerPermit(exchange)
    let observer = worker.observer(exchange)
    let link = worker.api.link
    let entry = try worker.api.table.follow(id, of: client, observer) {
      try worker.reader.job(client: client, id: id)
    } watch: {
      link.send(.watch(id: id))
    }
    guard let entry else { throw NoSuchJob(route) }
    last = entry
    // A running job is registered, and of its output nothing is missing yet.
    if last.record.state != .running {
      for stream in streams { _ = try worker.api.wholeOutput(last.record, stream) }
    }
    (self.worker, self.id, self.client, self.observer) = (worker, id, client, observer)
  }

  var progress: OutputProgress? { last.progress }

  /// The job as it is now; once it was deleted, as it was last, ended.
  func current() throws -> JobRecord {
    guard last.record.state == .running else { return last.record }
    if let entry = worker.api.table.entry(id, of: client) {
      last = entry
    } else if let record = try worker.reader.job(client: client, id: id), record.state != .running {
      last = JobTable.Entry(record: record, pid: 0)
    } else {
      last.record.state = .error
      last.record.error = "the job was deleted"
      if let progress = last.progress {
        (last.record.stdout.kept, last.record.stderr.kept) = (progress.stdout, progress.stderr)
      }
    }
    return last.record
  }

  func end() {
    let link = worker.api.link
    worker.api.table.unfollow(id, observer) { link.send(.unwatch(id: id)) }
  }
}

extension Query {
  /// A query parameter that is 0 or 1.
  func flag(_ name: String, default standard: Bool = false) throws(Problem) -> Bool {
    switch self[name] {
    case nil: return standard
    case "1", "true": return true
    case "0", "false": return false
    default: throw Problem(400, "query parameter \"\(name)\" must be 0 or 1")
    }
  }

  /// A query parameter that is a duration.
  func duration(_ name: String) throws(Problem) -> DurationText? {
    guard let text = self[name] else { return nil }
    guard let time = DurationText(text) else {
      throw Problem(400, "query parameter \"\(name)\" must be \(DurationText.allowed)")
    }
    return time
  }

  /// A query parameter that is a whole number. `allowed`: what it may be, as its sender is told.
  func number(_ name: String, allowed: String = "a whole number") throws(Problem) -> UInt64? {
    guard let text = self[name] else { return nil }
    guard let number = UInt64(text), number <= UInt64(Int64.max), !text.hasPrefix("+") else {
      throw Problem(400, "query parameter \"\(name)\" must be \(allowed)")
    }
    return number
  }
}

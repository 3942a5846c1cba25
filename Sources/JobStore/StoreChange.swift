import JobAPI
import JobModel
import Platform

/// One change of the store, all or nothing.
package enum StoreChange: Equatable, Sendable {
  /// A job that waits for a slot is stored with its inline standard input.
  case create(JobRecord, clientName: String, ApiRequest.Creation)
  /// A creation that a limit forbids: the job, if the same request came before. Nothing is changed.
  case find(JobRecord, ApiRequest.Idempotency)
  /// `log`: the index of the output, unless it is in a file. `files`: the output files that were written, open until the
  /// outcome is told; they are on disk before the record is.
  /// `isStartStored`: the job's start was queued as a change of its own; else it is told with its end.
  case finish(JobRecord, log: [UInt8], files: [Int32], isStartStored: Bool)
  /// Not worth a commit of its own: goes with the next one, or after a second.
  case started(JobRecord)
  case delete(client: Int64, id: JobID)
  /// A job that waits is about to be launched: it waits no more, whatever happens then.
  case dequeue(client: Int64, id: JobID)
  /// One that was to be launched, and was not, waits again. `slots`: of its queue.
  case requeue(JobRecord, ApiRequest.Creation, slots: Int)
  /// A job's runner has left nothing behind any more. `error` nil: what went wrong before is still told.
  /// `isDone` false: it has not yet, and this went wrong.
  case cleaned(client: Int64, id: JobID, error: String?, isDone: Bool = true)

  package var id: JobID {
    switch self {
    case .create(let record, _, _), .find(let record, _), .finish(let record, _, _, _),
      .started(let record), .requeue(let record, _, _):
      record.id
    case .delete(_, let id), .dequeue(_, let id), .cleaned(_, let id, _, _): id
    }
  }

  package var client: Int64 {
    switch self {
    case .create(let record, _, _), .find(let record, _), .finish(let record, _, _, _),
      .started(let record), .requeue(let record, _, _):
      record.client
    case .delete(let client, _), .dequeue(let client, _), .cleaned(let client, _, _, _): client
    }
  }

  var isCreation: Bool {
    if case .create = self { true } else { false }
  }

  /// Whether it is told only once it would survive a power cut. A start is told with the job's end. A deletion that a
  /// power cut undoes has lost nothing, as long as the job's files are there.
  package var isDurable: Bool {
    switch self {
    case .create, .finish, .dequeue, .requeue, .cleaned: true
    case .started, .delete, .find: false
    }
  }
}

/// What became of a change. Told once it is on disk, or for a change that is not durable in the hands of the kernel.
package enum StoreOutcome: Equatable, Sendable {
  case saved
  /// The job is deleted. With files, so durably: they may be removed.
  /// `queue`: where it waited, if it did.
  case deleted(hasFiles: Bool, queue: String? = nil)
  /// (dequeue) The job as it is to be launched.
  case dequeued(JobRecord, ApiRequest.Creation)
  /// The same request came before, and this is its job.
  case existing(JobID)
  /// The key came before with another request.
  case keyReused
  /// There is no such job, or (finish, started) it is over already, or (dequeue) does not wait, or (cleaned)
  /// its cleanup is not pending.
  case notFound
  case failed(StoreError)
  /// (finish) The job's output could not be brought to disk and never will be: the result has to say so.
  case outputLost(SystemError)

  /// Whether there are new events of the client.
  package var hasEvents: Bool {
    switch self {
    case .saved, .deleted: true
    case .existing, .keyReused, .dequeued, .notFound, .failed, .outputLost: false
    }
  }
}

import CPlatform
import Glibc
import JobAPI
import JobModel
import Platform

/// Gets the output files of finished jobs onto the disk, on a thread of its own so that no creation waits for them,
/// and passes each change on to the writer afterwards.
final class FileSyncer: Sendable {
  typealias Request = StoreWriter.Request

  /// Jobs whose files are brought to disk together, before those of others have their turn.
  private static let most = 256

  private let output: String
  private let queue = WorkQueue<Request>()
  private let pass: @Sendable (Request, StoreOutcome?) -> Void
  /// Jobs with a change on its way through: what follows it has to take the same way.
  private let busy = Mutex<[JobID: Int]>([:])
  private let thread = Mutex<pthread_t?>(nil)

  /// `pass` is called in the order of queueing of each client's, with the outcome of a change whose files are not on
  /// disk.
  init(output: String, pass: @escaping @Sendable (Request, StoreOutcome?) -> Void) throws(SystemError) {
    self.output = output
    self.pass = pass
    let made = try SystemThread.start("output sync") { [self] in run() }
    thread.withLock { $0 = made }
  }

  /// Takes a change that has files or follows one of the same job that has. False: neither.
  func take(_ request: Request) -> Bool {
    busy.withLock { busy in
      let id = request.change.id
      guard request.change.hasFiles || busy[id] != nil else { return false }
      busy[id, default: 0] += 1
      queue.put(request, of: request.change.client)
      return true
    }
  }

  /// Returns when all that was taken is passed on.
  func close() {
    queue.close()
    if let thread = thread.withLock({ $0.take() }) { pthread_join(thread, nil) }
  }

  private func run() {
    while let requests = queue.take(Self.most) {
      let failures = sync(requests.map(\.change))
      for (request, failure) in zip(requests, failures) {
        pass(request, failure)
        release(request.change.id)
      }
    }
  }

  private func release(_ id: JobID) {
    busy.withLock { busy in
      guard let count = busy[id], count > 1 else {
        busy[id] = nil
        return
      }
      busy[id] = count - 1
    }
  }

  /// Starts writing all files before waiting for the first: one commit of the file system's journal then serves
  /// many. A file's name is on disk when its directory is.
  private func sync(_ changes: [StoreChange]) -> [StoreOutcome?] {
    for file in changes.flatMap(\.files) { jp_write_back(file) }
    var failures = changes.map { Self.sync($0.files) }
    var directories: [Substring: StoreOutcome?] = [:]
    for (index, change) in changes.enumerated() where change.hasFiles && failures[index] == nil {
      let shard = JobRecord.outputName(of: change.id).prefix { $0 != "/" }
      if directories[shard] == nil { directories[shard] = .some(syncShard(shard)) }
      failures[index] = directories[shard] ?? nil
    }
    return failures
  }

  private static func sync(_ files: [Int32]) -> StoreOutcome? {
    for file in files {
      if let failure = sync(file, fdatasync, "output") { return failure }
    }
    return nil
  }

  /// A failure is final: the kernel tells it once, drops what it could not write, and a second try would succeed.
  private static func sync(_ file: Int32, _ call: (Int32) -> Int32, _ what: String) -> StoreOutcome? {
    while call(file) != 0 {
      guard errno == EINTR else { return .outputLost(SystemError(errno, "get \(what) onto the disk")) }
    }
    return nil
  }

  private func syncShard(_ shard: Substring) -> StoreOutcome? {
    let directory = open("\(output)/\(shard)", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    // Nothing is lost by that: it can be tried again.
    guard directory >= 0 else { return .failed(StoreError(SystemError(errno, "open a directory of output"))) }
    defer { Glibc.close(directory) }
    return Self.sync(directory, fsync, "the names of output files")
  }
}

extension StoreChange {
  fileprivate var files: [Int32] {
    if case .finish(_, _, let files, _) = self { files } else { [] }
  }

  fileprivate var hasFiles: Bool { !files.isEmpty }
}

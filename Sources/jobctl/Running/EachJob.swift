import JobClient
import Platform

/// Doing the same to several jobs: one that it fails for does not keep the others from it.
enum EachJob {
  /// Connections used at once, where each job takes its time.
  private static let most = 16

  /// One after the other. The exit status is that of the first failure.
  static func run(
    _ names: some Sequence<String>, _ invocation: Invocation, _ body: (JobClient, JobID) throws -> Void
  ) throws -> Int32 {
    let client = try Settings.client(invocation)
    var status: Int32 = 0
    for name in names {
      guard let failure = try attempt(name, client, body) else { continue }
      if status == 0 { status = failure }
    }
    return status
  }

  /// The same, with each id as JSON where that is asked for.
  static func change(
    _ names: some Sequence<String>, _ invocation: Invocation, _ body: (JobClient, JobID) throws -> Void
  ) throws -> Int32 {
    try run(names, invocation) { client, id in
      try body(client, id)
      if invocation.wantsJSON { try Terminal.print(json: CreateReply(id: id)) }
    }
  }

  /// At the same time, each on a connection of its own.
  static func runTogether(
    _ names: [String], _ settings: ConnectionSettings,
    _ body: @escaping @Sendable (JobClient, JobID) throws -> Void
  ) throws -> Int32 {
    let left = Mutex(names[...])
    let result = Mutex<Result<Int32, any Error>>(.success(0))
    try SystemThread.run(min(names.count, most)) {
      let client = JobClient(settings)
      while let name = left.withLock({ $0.popFirst() }) {
        let done = Result { try attempt(name, client, body) ?? 0 }
        result.withLock { if case .success(0) = $0 { $0 = done } }
      }
    }
    return try result.withLock { try $0.get() }
  }

  /// Nil when it succeeded, else the exit status; throws what would happen to all others too.
  private static func attempt(
    _ name: String, _ client: JobClient, _ body: (JobClient, JobID) throws -> Void
  ) throws -> Int32? {
    do {
      try body(client, try JobName.id(name, client))
      return nil
    } catch let error as ClientError {
      switch error {
      case .notFound, .status: Terminal.complain("jobctl: \(name): \(error)")
      default: throw error
      }
      return ExitCode(error).rawValue
    } catch let error as UsageError {
      Terminal.complain("jobctl: \(error)")
      return ExitCode.usage.rawValue
    }
  }
}

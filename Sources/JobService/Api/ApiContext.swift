import Glibc
import JobLoop
import JobModel
import Platform

/// What all workers of the api process share. Any thread.
final class ApiContext: Sendable {
  let configuration: Configuration
  let log: Log
  let table: JobTable
  let clients: ClientTable
  let budget: MemoryBudget
  let eventFollowers = EventFollowers()
  let writers = TerminalWriters()
  let batches: BatchDecoder
  let link: ApiLink
  /// Nil: there is no audit trail.
  let strangers: StrangerReports?
  let counts: ApiCounts
  let supervisorCounts: SupervisorCounts
  let expiries: Expiries
  let memory: ResidentMemory
  /// Members of a job's limits that this host enforces.
  let hostLimits: [String]
  /// Descriptor of the directory of output files.
  let output: Int32

  /// Finished jobs kept in memory.
  private static let finishedJobs = 16_384

  /// `supervisorCounts`, `counts`: descriptors of the memory of both processes' counters, taken over.
  init(
    _ configuration: Configuration, hostLimits: [String], log: Log, link: ApiLink, expiries: Expiries,
    memory: ResidentMemory, supervisorCounts: Int32, counts: Int32
  ) throws(SystemError) {
    self.configuration = configuration
    self.hostLimits = hostLimits
    self.log = log
    self.link = link
    strangers = configuration.auditFile == nil ? nil : StrangerReports { link.send(.notLetIn($0)) }
    self.expiries = expiries
    self.memory = memory
    self.supervisorCounts = try SupervisorCounts(reading: supervisorCounts)
    self.counts = try ApiCounts(descriptor: counts, workers: configuration.workers)
    table = JobTable(finished: Self.finishedJobs)
    batches = try BatchDecoder()
    clients = ClientTable(configuration)
    budget = try MemoryBudget(configuration)
    let path = configuration.stateDirectory + "/output"
    output = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard output >= 0 else {
      throw SystemError(errno, "read the state directory \(path) as the api process's user")
    }
  }
}

/// The api process's way to the supervisor. Any thread.
final class ApiLink: @unchecked Sendable {
  // Set once on the loop's thread before any worker runs; MessageChannel.send may be called from any thread.
  var channel: MessageChannel?

  func send(_ request: ApiRequest) { channel?.send(request.encode()) }
}

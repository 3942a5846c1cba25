import JobClient
import Testing

/// `import JobClient` alone, as in this file, names all that is in its public interface.
@Suite struct ClientImportTests {
  @Test func eachCallCanBeWrittenDown() {
    let create: (JobClient) -> (CreateRequest, String?) throws -> JobID = JobClient.create
    let batch: (JobClient) -> ([CreateRequest], String?) throws -> [BatchReply.Result] = JobClient.create
    let status: (JobClient) -> (JobID, DurationText?) throws -> StatusReply = JobClient.status
    let output: (JobClient) -> (JobID) throws -> OutputReply = JobClient.output
    let detail: (JobClient) -> (JobID) throws -> JobDetail = JobClient.detail
    let list: (JobClient) -> (Query) throws -> JobList = JobClient.list
    let runners: (JobClient) -> () throws -> [RunnersReply.Entry] = JobClient.runners
    let signal: (JobClient) -> (JobID, SignalRequest) throws -> Void = JobClient.signal
    let stop: (JobClient) -> (JobID, DurationText?) throws -> StatusReply = JobClient.stop
    _ = (create, batch, status, output, detail, list, runners, signal, stop)
    let values: [Any.Type] = [
      JobEvent.self, JobState.self, ResourceUsage.self, OutputStream.self, LogPiece.self, Route.self,
      ClientError.self, CreateRequest.LimitAction.self, SignalName.self, MediaType.self,
    ]
    #expect(values.count == 10)
  }
}

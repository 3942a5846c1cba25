import CJobEngine
import JobAPI
import Testing

@testable import JobEngine
@testable import JobModel

/// What is said to have ended a job.
struct EndOfJobTests {
  private func record(stopped client: String? = nil, at time: Int64? = nil) -> JobRecord {
    var record = JobRecord(id: JobID(microseconds: 1, random: 1), client: 1, created: 100)
    if let time { record.noteStop(by: client, at: time) }
    return record
  }

  private func result(
    signal: Int32 = 0, timedOut: Bool = false, limitKilled: Bool = false, ended: Int64 = 1000
  ) -> jc_job_result {
    var result = jc_job_result()
    (result.signal, result.timed_out, result.limit_killed) = (signal, timedOut, limitKilled)
    (result.started_us, result.finished_us) = (200, ended)
    return result
  }

  private func end(_ record: JobRecord, _ result: jc_job_result) -> EndedBy? {
    var record = record
    record.take(result)
    return record.endedBy
  }

  @Test func itIsTheProcessWhereTheDaemonDidNothing() {
    #expect(end(record(), result()) == .exit)
    #expect(end(record(), result(signal: 9)) == .signal)
  }

  @Test func itIsWhatTheDaemonDidFirst() {
    #expect(end(record(), result(signal: 15, timedOut: true)) == .timeout)
    #expect(end(record(), result(signal: 9, limitKilled: true)) == .outputLimit)
    #expect(end(record(), result(signal: 9, timedOut: true, limitKilled: true)) == .timeout)
    let stopped = record(stopped: "alice", at: 500)
    #expect(end(stopped, result(signal: 9)) == .stop)
    #expect(end(stopped, result()) == .stop, "it exited on that ground")
    #expect(end(stopped, result(signal: 9, limitKilled: true)) == .stop, "it wrote too much in its grace")
    #expect(
      end(stopped, result(signal: 9, timedOut: true)) == .timeout, "which came first, or it would not tell")
    #expect(end(record(stopped: nil, at: 500), result()) == .shutdown)
  }

  @Test func aStopThatCameTooLateEndedNothing() {
    var late = record(stopped: "alice", at: 1001)
    late.take(result())
    #expect(late.endedBy == .exit && late.stoppedBy == nil)
    #expect(end(record(stopped: "alice", at: 1000), result()) == .stop)
  }

  @Test func theFirstWhoAskedForItCounts() {
    var record = record(stopped: "alice", at: 500)
    record.noteStop(by: "bob", at: 600)
    record.noteStop(by: nil, at: 700)
    #expect(record.stoppedBy == nil, "it has not ended")
    record.take(result(signal: 15))
    #expect(record.stoppedBy == StoppedBy(client: "alice", time: TimeText.text(500)))
  }

  private func failed(_ stage: StaticString, _ error: Int32) -> jc_job_result {
    var result = result()
    result.error = error
    result.error_stage = UnsafeRawPointer(stage.utf8Start).assumingMemoryBound(to: CChar.self)
    return result
  }

  @Test func whatCouldNotBeStartedWasEndedByNothing() {
    #expect(end(record(), failed("exec", 2)) == nil)
    #expect(end(record(stopped: "alice", at: 500), failed("exec", 2)) == nil)
    #expect(end(record(), failed("start", 110)) == nil)
    #expect(end(record(stopped: "alice", at: 500), failed("start", 125)) == .stop)
    #expect(end(record(), failed("wait", 10)) == .lost)
    #expect(end(record(stopped: "alice", at: 500), failed("kill", 1)) == .stop)
  }
}

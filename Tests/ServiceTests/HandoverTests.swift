import CJobEngine
import JobAPI
import Testing

@testable import JobModel
@testable import JobSupervisor

/// What a supervisor leaves to its successor.
struct HandoverTests {
  private func handover() -> Handover {
    var state = jc_job_state()
    (state.pid, state.pidfd, state.stdin_write, state.checkpoint) = (7, 8, 9, 10)
    (state.pipe, state.file, state.output_error) = ((11, 12), (13, -1), (0, 28))
    (state.cgroup, state.started_us, state.deadline) = (14, 15, 16)
    (state.kept, state.dropped) = ((17, 18), (19, 20))
    (state.output_limit, state.grace_ms, state.input_taken, state.input_pending) = (21, 22, 23, 24)
    (state.timed_out, state.adopted) = (true, true)
    let job = Handover.Job(
      record: .sample(1), pid: 7, grace: 25, takesInput: true, isStartStored: true,
      isHeld: true, isInputHeld: false, state: state)
    return Handover(
      jobDescriptors: 1024, cgroup: "/cgroup", notifySocket: nil, address: "127.0.0.1:7443",
      listeners: [5, 6],
      lock: 4, counts: SupervisorCounts.Handed(layout: 1, supervisor: 2, api: 3), jobs: [job])
  }

  private func decode(_ bytes: some Collection<UInt8>) throws -> Handover {
    try Array(bytes).withUnsafeBytes { bytes throws(MalformedBytes) in try Handover(decoding: bytes) }
  }

  @Test func nothingIsForgotten() throws {
    let bytes = handover().encode()
    let read = try decode(bytes)
    #expect(read.encode() == bytes)
    let state = try #require(read.jobs.first).state
    #expect(state.input_taken == 23 && state.input_pending == 24)
    #expect(state.output_error.1 == 28 && state.deadline == 16 && state.adopted && !state.kill_sent)
  }

  @Test func oneOfAnotherVersionOrCutShortIsRefused() throws {
    let bytes = handover().encode()
    #expect(throws: MalformedBytes.self) { try decode([bytes[0] &+ 1] + bytes.dropFirst()) }
    for length in 0..<bytes.count {
      #expect(throws: MalformedBytes.self) { try decode(bytes.prefix(length)) }
    }
    #expect(throws: MalformedBytes.self) { try decode(bytes + [0]) }
  }
}

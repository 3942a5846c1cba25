import JobAPI
import Testing

@testable import jobctl

@Suite struct JobStoryTests {
  private static let start: Int64 = 1_700_000_000_000_000
  private static let id = JobID(microseconds: start, random: 7)

  private func time(_ after: Int64) -> String { TimeText.text(Self.start + after) }

  private func job(_ status: JobState, _ change: (inout JobDetail) -> Void = { _ in }) -> JobDetail {
    var job = JobDetail(
      request: CreateRequest(cmd: "x"), state: StatusReply(status: status),
      facts: JobFacts(id: Self.id, created: time(0)))
    job.facts.times.stored = time(400)
    change(&job)
    return job
  }

  private func ended(_ change: (inout JobDetail) -> Void = { _ in }) -> JobDetail {
    job(.completed) { job in
      job.facts.times.launched = time(1_200_400)
      job.facts.times.started = time(1_201_000)
      job.facts.times.firstOutput = time(1_301_000)
      job.facts.times.ended = time(4_601_000)
      job.facts.times.saved = time(4_901_000)
      (job.state.exitCode, job.state.endedBy) = (0, .exit)
      change(&job)
    }
  }

  private func lines(_ job: JobDetail, now: Int64 = 5_000_000) -> [String] {
    JobStory(job, now: Self.start + now).lines
  }

  @Test func aJobThatExited() {
    let job = ended { job in
      job.request.limits = JobLimits(memory: SizeText("512MiB"), cpus: 0.5)
      job.facts.usage = ResourceUsage(
        userMicroseconds: 1_300_000, systemMicroseconds: 1000, maxResidentKiB: 20 * 1024,
        throttledMicroseconds: 2_100_000)
      (job.facts.stdoutBytes, job.facts.stderrDropped) = (2048, 3)
    }
    #expect(
      lines(job) == [
        "job \(Self.id) completed with exit code 0 after 4.6 s", "  its program exited by itself",
        "  queued 1.2 s, start 0.6 ms, ran 3.4 s of which throttled 2.1 s by --cpus 0.5, first output after 100 ms, "
          + "saved in 300 ms",
        "  CPU time 1.3 s user, 1.0 ms system; memory at most 20 MiB of 512MiB",
        "  2.0 KiB of stdout and 0 B of stderr kept, 3 B dropped",
      ])
  }

  @Test(arguments: [
    (EndedBy.signal, "the signal came from itself, from \"jobctl signal\" or from elsewhere on the host"),
    (.timeout, "its time limit of 3s was over; signal KILL ended it"),
    (.outputLimit, "it wrote more than its output limit of 100 B"),
    (.memory, "it needed more than its memory limit of 1MiB"),
    (.shutdown, "the daemon was stopped; signal KILL ended it"), (.lost, "nobody knows how it ended"),
  ])
  func whatEndedIt(end: EndedBy, words: String) {
    let job = ended { job in
      (job.state.exitCode, job.state.signal, job.state.endedBy) = (137, 9, end)
      (job.request.timeout, job.request.outputLimit) = (DurationText("3s"), 100)
      job.request.limits = JobLimits(memory: SizeText("1MiB"))
    }
    #expect(lines(job)[0] == "job \(Self.id) was ended by signal KILL after 4.6 s")
    #expect(lines(job)[1] == "  \(words)")
  }

  @Test func whoStoppedIt() {
    let stopped = StoppedBy(client: "al\u{7}ice", time: time(4_101_000))
    let exited = ended { ($0.state.endedBy, $0.state.stoppedBy) = (.stop, stopped) }
    #expect(lines(exited)[1] == "  it was stopped by al?ice at \(stopped.time); it exited 500 ms later")
    let before = job(.error) { job in
      (job.state.endedBy, job.state.stoppedBy) = (.stop, StoppedBy(client: "bob", time: time(900)))
      (job.facts.times.ended, job.state.errorMessage) = (time(900), "the job was stopped")
    }
    #expect(
      lines(before) == [
        "job \(Self.id) is in state error after 0.9 ms",
        "  it was stopped by bob at \(time(900)); it was not started yet", "  the job was stopped",
        "  queued 0.5 ms",
      ])
  }

  @Test func whatItsRunnerMayHaveLeft() {
    let pending = ended { job in
      (job.request.runner, job.facts.cleanup) = ("cluster", .pending)
      job.facts.runnerError = "scancel:\u{7} no controller"
    }
    #expect(
      lines(pending)[2...3] == [
        "  what the runner cluster may have left of it is being ended",
        "  an error of the runner cluster: scancel:? no controller",
      ])
    let done = ended { ($0.request.runner, $0.facts.cleanup) = ("cluster", .done) }
    #expect(lines(done)[2] == "  what the runner cluster may have left of it was ended")
  }

  @Test func whatHasNotEnded() {
    #expect(
      lines(job(.running)) == ["job \(Self.id) waits for its launch, for 5.0 s", "  queued 5.0 s"])
    let running = job(.running) { job in
      (job.facts.times.launched, job.facts.times.started) = (time(1000), time(2000))
      job.facts.usage = ResourceUsage(
        userMicroseconds: 1, systemMicroseconds: 0, maxResidentKiB: nil, memoryBytes: 4096)
    }
    #expect(
      lines(running, now: 62_002_000) == [
        "job \(Self.id) runs, for 1 min 2 s", "  queued 0.6 ms, start 1.0 ms, has run 1 min 2 s",
        "  CPU time 0.0 ms user, 0.0 ms system; memory 4.0 KiB now", "  no output",
      ])
  }

  /// What an earlier daemon knew.
  @Test func whatIsNotKnownIsNotSaid() {
    let old = job(.completed) { job in
      job.facts.times = JobTimes(created: time(0))
      (job.facts.times.started, job.facts.times.ended) = (time(1000), time(2000))
      job.state.exitCode = 4
    }
    #expect(
      lines(old) == ["job \(Self.id) completed with exit code 4 after 2.0 ms", "  ran 1.0 ms", "  no output"])
  }

  @Test(arguments: [
    (Int64(0), "0.0 ms"), (640, "0.6 ms"), (12_400, "12 ms"), (450_000, "450 ms"), (3_440_000, "3.4 s"),
    (59_400_000, "59 s"), (60_000_000, "1 min"), (3_599_000_000, "59 min 59 s"), (7_260_000_000, "2 h 1 min"),
    (180_000_000_000, "2 d 2 h"),
  ])
  func timesAreSaidShortly(time: Int64, words: String) { #expect(Spell.time(time) == words) }
}

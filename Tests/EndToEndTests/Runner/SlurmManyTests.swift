import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// Many jobs of all kinds on a cluster, while the daemon's processes are killed.
@Suite(.serialized) struct SlurmManyTests {
  private enum Kind {
    case plain, fed, stopped, deleted, timed
    /// The cluster needs seconds to be done with what was ended.
    static let turns: [Kind] = [
      .plain, .fed, .stopped, .timed, .fed, .plain, .stopped, .deleted, .fed, .plain,
    ]
  }

  private struct Job {
    let number: Int
    var kind: Kind { Kind.turns[number % Kind.turns.count] }
    /// A job's own, and not one that a shell, env or srun has a meaning for.
    var code: Int32 { Int32(number % 100) }
    var input: String { "input of \(number)\n" }

    var request: CreateRequest {
      var request = CreateRequest.shell(script, runner: "cluster")
      if kind == .fed { request.stdin = input }
      if kind == .timed { (request.timeout, request.grace) = (DurationText("1s"), DurationText("500ms")) }
      return request
    }

    private var script: String {
      switch kind {
      case .plain: "echo out \(number); echo err \(number) >&2; exit \(code)"
      case .fed: "cat; echo err \(number) >&2; exit \(code)"
      case .stopped:
        "trap 'echo bye \(number); exit \(code)' TERM; echo up \(number); while :; do sleep 0.05; done"
      case .deleted, .timed: "exec env -i sleep 1000"
      }
    }

    func check(_ end: StatusReply, _ output: OutputReply) {
      switch kind {
      case .plain:
        #expect(end.exitCode == code && output.stdout == "out \(number)\n", "\(number): \(end) \(output)")
        #expect(output.stderr.contains("err \(number)\n"))
      case .fed:
        #expect(end.exitCode == code && output.stdout == input, "\(number): \(end) \(output)")
        #expect(output.stderr.contains("err \(number)\n"))
      case .stopped:
        #expect(end.exitCode == code, "\(number): \(end) \(output)")
        #expect(output.stdout == "up \(number)\nbye \(number)\n")
      case .timed: #expect(end.timedOut == true, "\(number): \(end) \(output)")
      case .deleted: Issue.record("\(number) was deleted")
      }
    }
  }

  /// Repeats what a killed process did not answer.
  private func retried<Value>(_ daemon: Daemon, _ body: (JobClient) throws -> Value) throws -> Value {
    let end = Poll.now() + 120
    while true {
      do {
        return try body(daemon.client())
      } catch let error as ClientError {
        if case .notFound = error { throw error }
        guard Poll.now() < end else { throw error }
        usleep(20_000)
      }
    }
  }

  private func stop(_ job: Job, _ id: JobID, _ daemon: Daemon) throws {
    try Poll.until("job \(job.number) to be up", seconds: 300) {
      try retried(daemon) {
        try $0.status(id).status != .running || $0.output(id).stdout == "up \(job.number)\n"
      }
    }
    while try retried(daemon, { try $0.status(id) }).status == .running {
      _ = try? daemon.client().stop(id, grace: DurationText("60s"))
    }
  }

  private func delete(_ id: JobID, _ daemon: Daemon) throws {
    do { try retried(daemon) { try $0.delete(id) } } catch ClientError.notFound {}
  }

  private func killApi(_ daemon: Daemon) throws {
    let killed = daemon.apiPid
    kill(killed, SIGKILL)
    try Poll.until("another api process") { daemon.apiPid != killed }
  }

  @Test func eachEndsAsItIsTo() throws {
    try RunnerScope.withCluster(["--client-running-jobs", "12"]) { daemon, slurm in
      let jobs = (0..<200).map { Job(number: $0) }
      let ids = try daemon.client().create(jobs.map(\.request), key: "many").map { try #require($0.id) }
      for (job, id) in zip(jobs, ids) {
        if job.number % 60 == 30 { try daemon.killSupervisor() }
        if job.number % 60 == 0 { try killApi(daemon) }
        switch job.kind {
        case .stopped: try stop(job, id, daemon)
        case .deleted:
          try delete(id, daemon)
          #expect(try slurm.squeue(name: "\(id)") == [])
        case .plain, .fed, .timed: break
        }
      }
      var lost = 0
      for (job, id) in zip(jobs, ids) where job.kind != .deleted {
        let end = try retried(daemon) { try $0.end(of: id) }
        // It was being launched when the supervisor was killed.
        if end.endedBy == .lost || end.errorMessage?.contains("lost") == true {
          lost += 1
        } else {
          job.check(end, try retried(daemon) { try $0.output(id) })
        }
      }
      #expect(lost <= 12)
    }
  }
}

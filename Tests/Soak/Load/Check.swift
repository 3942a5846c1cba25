import Harness
import JobAPI

/// What a job's detail must say, beside its state.
extension LoadClient {
  /// Jobs that have run for this long are never lost, in microseconds.
  private static let safeAge: Int64 = 1_000_000

  func check(_ job: JobDetail, _ plan: Plan) throws {
    let name = "job \(plan.tag) \(job.id) (\(plan.kind))"
    if job.status == .completed {
      try checkUsage(job, plan, name)
      try checkTimes(job, plan, name)
    } else if job.errorMessage?.contains("supervision of the job was lost") == true {
      try checkLoss(job, name)
    }
  }

  private func checkUsage(_ job: JobDetail, _ plan: Plan, _ name: String) throws {
    let adopted = job.adopted == true ? "was adopted and" : "was not adopted and"
    guard let usage = job.usage else { throw Violation("\(name) \(adopted) does not tell its usage") }
    let time = usage.userMicroseconds + usage.systemMicroseconds
    guard time >= plan.leastProcessorTime else {
      throw Violation("\(name) \(adopted) has used \(time) µs of CPU time")
    }
  }

  private func checkTimes(_ job: JobDetail, _ plan: Plan, _ name: String) throws {
    let times = [job.created, job.started, job.finished].map { $0.flatMap(TimeText.microseconds) ?? -1 }
    // Limits are counted in whole milliseconds.
    guard times[0] > 0, times[0] <= times[1], times[2] - times[1] >= plan.leastTime - 1000 else {
      throw Violation("\(name), created, started and finished at \(times), runs for \(plan.leastTime) µs")
    }
    let sizes = [job.stdoutBytes, job.stderrBytes]
    guard sizes == [Int64(plan.stdout.count), Int64(plan.stderr.count)] else {
      throw Violation("\(name) says that it wrote \(sizes) bytes")
    }
  }

  /// It may only be lost with a supervisor that was killed before it was safe.
  private func checkLoss(_ job: JobDetail, _ name: String) throws {
    let created = TimeText.microseconds(job.created) ?? 0
    let finished = job.finished.flatMap(TimeText.microseconds) ?? 0
    guard let death = context.death(before: finished), death.end >= created else {
      throw Violation("\(name) was lost, and no supervisor was killed in its life (\(job.created))")
    }
    let age = death.begin - (job.started.flatMap(TimeText.microseconds) ?? created)
    context.counters.noteLoss(age)
    guard age < Self.safeAge else {
      let start =
        "started \(job.started ?? "never"), created \(job.created), finished \(job.finished ?? "never")"
      throw Violation("\(name) was lost \(age) µs after its start: \(start), killed at \(death.begin)")
    }
    let left = DaemonProcesses.of("\(job.id)")
    guard left.isEmpty else { throw Violation("\(name) is lost, and its processes \(left) are left") }
  }
}

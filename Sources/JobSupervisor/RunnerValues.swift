import JobAPI
import JobModel
import Platform

/// A job as the commands of its runner name it.
struct RunnerTarget {
  let id: JobID
  let client: Int64
  let plan: JobPlan
}

/// What stands in the placeholders of a runner's commands.
struct RunnerValues {
  private var texts: [CommandTemplate.Placeholder: String] = [:]

  init(_ id: JobID, _ client: String, _ plan: JobPlan, _ limits: JobPolicy.Limits = (0, 0, 0)) {
    let request = plan.visibleRequest
    texts[.id] = "\(id)"
    texts[.client] = client
    (texts[.user], texts[.group], texts[.cwd]) = (request.user, request.group, request.cwd)
    if limits.memory > 0 {
      texts[.memoryBytes] = "\(limits.memory)"
      texts[.memoryMiB] = Self.rounded(limits.memory, in: 1 << 20)
    }
    if limits.cpuMilli > 0 {
      texts[.cpusExact] = OptionValue<Int>.cpus.print(Int(limits.cpuMilli))
      texts[.cpus] = Self.rounded(UInt64(limits.cpuMilli), in: 1000)
    }
    if limits.processes > 0 { texts[.processes] = "\(limits.processes)" }
    if let timeout = request.timeout {
      texts[.timeoutSeconds] = Self.rounded(UInt64(timeout.milliseconds), in: 1000)
      texts[.timeoutMinutes] = Self.rounded(UInt64(timeout.milliseconds), in: 60_000)
    }
  }

  init(_ target: RunnerTarget, _ client: String, signal: Int32?) {
    self.init(target.id, client, target.plan)
    texts[.signal] = signal.flatMap(SignalName.init(number:)).map { "\($0)" }
  }

  func text(_ placeholder: CommandTemplate.Placeholder) -> String? { texts[placeholder] }

  /// Whole ones, of which there are enough.
  private static func rounded(_ amount: UInt64, in unit: UInt64) -> String {
    "\(amount / unit + (amount % unit > 0 ? 1 : 0))"
  }
}

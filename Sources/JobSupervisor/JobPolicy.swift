import JobAPI
import JobModel
import Platform

/// What a client's settings make of a job: checked when it is created, and again when it is launched, which may be long
/// afterwards and under other settings. Pure.
enum JobPolicy {
  typealias Limits = (memory: UInt64, cpuMilli: UInt32, processes: UInt32)

  /// Why the client may have no such job; nil: it may.
  static func refusal(of plan: JobPlan, settings: ClientSettings) -> Refusal? {
    let most = UInt64(max(settings.storedBytes, settings.outputLimit))
    guard (plan.outputLimit ?? 0) <= most else {
      let text = "output_limit: at most \(most), the bytes that a client may store"
      return Refusal(reason: .invalid, text: text)
    }
    let asked = plan.limits
    if isBeyond(asked.memory, settings.maxMemory) {
      return beyond("memory", Units.bytes.print(Int64(settings.maxMemory)))
    }
    if isBeyond(UInt64(asked.cpuMilli), settings.maxCPUMilli) {
      return beyond("cpus", OptionValue<Int>.cpus.print(settings.maxCPUMilli))
    }
    if isBeyond(UInt64(asked.processes), settings.maxProcesses) {
      return beyond("processes", "\(settings.maxProcesses)")
    }
    return nil
  }

  private static func isBeyond(_ asked: UInt64, _ most: Int) -> Bool { most > 0 && asked > UInt64(most) }

  private static func beyond(_ member: String, _ most: String) -> Refusal {
    Refusal(reason: .invalid, text: "limits: \(member) is at most \(most) for you")
  }

  static func refusal(user: String, settings: ClientSettings) -> Refusal {
    let users = (settings.users ?? []).joined(separator: ", ")
    return Refusal(reason: .forbidden, text: "user: yours are \(users), and not \"\(user)\"")
  }

  /// Why no job of the client's may run as that; nil: it may. `found`: of a job that names nobody nil.
  static func refusal(as found: Accounts.Found?, settings: ClientSettings) -> Refusal? {
    guard let users = settings.users else { return nil }
    let account = found?.account ?? Accounts.own
    guard users.contains(where: account.name.isSame) || users.contains("\(account.user)") else {
      return refusal(user: account.name, settings: settings)
    }
    guard let groups = found?.groupsInstead else { return nil }
    let text = "group: those of the user \"\(account.name)\" are \(groups.joined(separator: ", "))"
    return Refusal(reason: .forbidden, text: text)
  }

  /// The runner of the job, unless the client may not have it, or it cannot do what the plan asks for; nil: none.
  static func runner(
    of plan: JobPlan, _ secrets: Secrets?, settings: ClientSettings, runners: RunnerMap
  ) throws(Refusal) -> Runner? {
    let name = plan.runner
    let runner = name.flatMap { runners[$0] }
    guard settings.mayUse(name), runner != nil || name == nil else {
      let (usable, asked) = (settings.usable(runners), name.map { "\"\($0)\"" } ?? Runner.none)
      throw Refusal(
        reason: .invalid, text: "runner: yours are \(usable.joined(separator: ", ")), and not \(asked)")
    }
    if let runner { try check(plan, secrets, runner) }
    return runner
  }

  private static func check(_ plan: JobPlan, _ secrets: Secrets?, _ runner: Runner) throws(Refusal) {
    func refuse(_ member: String, _ why: String) throws(Refusal) {
      throw Refusal(reason: .invalid, text: "\(member): the runner \"\(runner.name)\" \(why)")
    }
    let (request, hasEnvironment) = (plan.visibleRequest, !plan.environment.isEmpty)
    // It would be an option of the runner, or a variable for env(1), which stands before it in many.
    if request.cmd.utf8.first == UInt8(ascii: "-") {
      try refuse("cmd", "starts no program whose name begins with '-'")
    }
    if request.cmd.utf8.contains(UInt8(ascii: "=")) {
      try refuse("cmd", "starts no program with '=' in its name")
    }
    if request.cwd != nil, !runner.command.has(.cwd) { try refuse("cwd", "takes no working directory") }
    if hasEnvironment, !runner.command.has(.environment) { try refuse("env", "takes no environment") }
    let names = (secrets?.variables ?? [:]).keys.sorted()
    if let name = names.first(where: { !runner.takesSecret($0) }) {
      let taken = runner.secrets.isEmpty ? "none" : runner.secrets.joined(separator: ", ")
      try refuse("secret_env", "takes no secret \"\(printable(name))\"; those that it takes: \(taken)")
    }
  }

  /// What is limited, as requests name it.
  static func names(of limits: Limits) -> [String] {
    let all = [
      ("memory", limits.memory > 0), ("cpus", limits.cpuMilli > 0), ("processes", limits.processes > 0),
    ]
    return all.filter(\.1).map(\.0)
  }

  /// Why the runner cannot enforce these limits; nil: it can.
  static func refusal(of limits: Limits, runner: Runner) -> Refusal? {
    let names = runner.limitNames(local: [])
    guard let name = Self.names(of: limits).first(where: { !names.contains($0) }) else { return nil }
    let able = names.isEmpty ? "nothing" : names.joined(separator: " and ")
    return Refusal(
      reason: .invalid,
      text: "limits: the runner \"\(runner.name)\" cannot limit \(name): it limits \(able)")
  }

  /// What the job may use; 0: no limit. What it does not ask for is the default, and where there is none the most it may
  /// ask for: a maximum cannot be avoided by saying nothing.
  static func limits(of plan: JobPlan, settings: ClientSettings) -> Limits {
    let asked = plan.limits
    return (
      limit(asked.memory, settings.defaultMemory, settings.maxMemory),
      limit(asked.cpuMilli, settings.defaultCPUMilli, settings.maxCPUMilli),
      limit(asked.processes, settings.defaultProcesses, settings.maxProcesses)
    )
  }

  private static func limit<Number: FixedWidthInteger>(_ asked: Number, _ standard: Int, _ most: Int)
    -> Number
  {
    if asked > 0 { return asked }
    return Number([standard, most].filter { $0 > 0 }.min() ?? 0)
  }
}

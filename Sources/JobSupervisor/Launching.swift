import CPlatform
import Glibc
import JobEngine
import JobModel
import Platform

extension Order.Creation {
  /// What the engine is told to start.
  func launch(of job: LiveJob, _ configuration: Configuration) throws -> RunningJob.Launch {
    var launch = RunningJob.Launch(
      arguments: [spec.command] + spec.arguments,
      environment: JobEnvironment.of(job.record.id, adding: spec.environment),
      outputName: job.record.outputName,
      outputLimit: min(spec.outputLimit ?? .max, UInt64(configuration.outputLimit)))
    launch.directory = spec.directory
    launch.merge = spec.merge
    launch.killAtLimit = spec.killAtLimit
    launch.timeout = spec.timeout
    launch.grace = job.grace
    if let account = try spec.account() { (launch.user, launch.group) = (account.user, account.group) }
    launch.input = try launchInput()
    return launch
  }

  private func launchInput() throws(SystemError) -> RunningJob.Input {
    if spec.stdinOpen { return .pipe }
    guard let input else { return .null }
    let file = input.withUnsafeBytes { jp_memory_file("jobd stdin", $0.baseAddress, $0.count) }
    guard file >= 0 else { throw SystemError(file, "hold the job's standard input") }
    return .descriptor(file)
  }
}

extension JobSpec {
  /// The user and group to run as, when the creation names one.
  func account() throws(SystemError) -> Account? {
    guard user != nil || group != nil else { return nil }
    var account = Account(user: geteuid(), group: getegid())
    if let user { account = try Account(named: user) }
    if let group { account.group = try Account.group(named: group) }
    return account
  }

  /// Why this daemon does not run such a job, known before it is stored.
  var refusal: Refusal? {
    do {
      guard let account = try account() else { return nil }
      guard geteuid() == 0 || account == Account(user: geteuid(), group: getegid()) else {
        return Refusal(
          reason: .forbidden, text: "the daemon does not run as root: it cannot run jobs as another user")
      }
      return nil
    } catch {
      return Refusal(reason: .invalid, text: "\(error)")
    }
  }
}

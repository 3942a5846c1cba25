import CJobCore
import Glibc
import JobAPI

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
    let file = input.withUnsafeBytes { jc_memory_file("jobd stdin", $0.baseAddress, $0.count) }
    guard file >= 0 else { throw SystemError(file, "hold the job's standard input") }
    return .descriptor(file)
  }
}

/// The environment every job starts with, whatever the daemon's own is.
enum JobEnvironment {
  private static let fixed = [
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "HOME=/",
  ]
  /// Names the job in the environment of each of its processes: how leftovers of a lost job are found.
  static let marker = "JOBD_JOB_ID"

  static func of(_ id: JobID, adding pairs: [JobSpec.NameAndValue]) -> [String] {
    let mark = "\(marker)=\(id)"
    guard !pairs.isEmpty else { return fixed + [mark] }
    let kept = fixed.filter { entry in !pairs.contains { entry.hasPrefix($0.name + "=") } }
    let added = pairs.filter { $0.name != marker }.map { "\($0.name)=\($0.value)" }
    return kept + added + [mark]
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

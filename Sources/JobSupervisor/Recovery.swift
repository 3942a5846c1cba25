import Glibc
import JobAPI
import JobModel
import JobStore
import Platform

/// Jobs that ran under a supervisor that is gone and could not be adopted: nobody knows how they ended. They become
/// errors that say so, what is left of their processes is killed, and the output drained until then is kept.
extension Supervisor {
  /// The api process is started once all of them are on disk: it reads them there. What the disk does not take, as
  /// when it is full, is tried again, and told then.
  func recoverLostJobs() throws {
    let lost = try store.runningJobs().filter { book.jobs[$0.record.id] == nil }
    if !lost.isEmpty {
      LeftoverProcesses.kill(jobs: Set(lost.map(\.record.id)))
      log.warn("jobs_lost", ["count": "\(lost.count)"])
      directory.syncOutput(log)
    }
    let ends = lost.map(endOfLost)
    handle(.lost(ends))
    for (end, job) in zip(ends, lost) { resumeCleanup(of: end, job.plan) }
    try resumeCleanups()
  }

  private func endOfLost(_ job: JobRecord, _ plan: JobPlan?) -> JobRecord {
    var record = job
    if let plan, mayLeave(job, plan) { record.cleanup = .pending }
    record.state = .error
    record.error = "supervision of the job was lost: the daemon that ran it ended unexpectedly"
    record.finished = Clock.microseconds()
    record.endedBy = .lost
    record.stdout.kept = directory.size(of: .stdout, of: record.id)
    record.stderr.kept = directory.size(of: .stderr, of: record.id)
    // A file that was made and not written to: a job without output is taken to have none.
    if !record.hasOutput { directory.removeFiles(of: record.id) }
    if directory.hasLog(record.id) { record.flags.insert(.logInFile) }
    return record
  }

  /// What is looked for in all files of output, on a thread of its own: with very many jobs it takes seconds.
  func lookThroughFiles() throws {
    let (directory, log, wasCrashed, isFirst) = (directory, log, wasCrashed, keeper.cause == .start)
    guard wasCrashed || isFirst else { return }
    let thread = try SystemThread.start("output files") {
      let shared = isFirst ? directory.shareOutput() : 0
      if shared > 0 { log.warn("output_shared_again", ["files": "\(shared)"]) }
      guard wasCrashed else { return }
      do {
        let orphans = try OrphanFiles(removingFrom: directory)
        if orphans.removed > 0 { log.info("orphan_files_removed", ["jobs": "\(orphans.removed)"]) }
        if orphans.unknown > 0 { log.warn("unknown_files_kept", ["jobs": "\(orphans.unknown)"]) }
      } catch {
        log.warn("orphan_files_kept", ["error": "\(error)"])
      }
    }
    pthread_detach(thread)
  }
}

/// Processes of jobs of an earlier daemon, found by the marker in their environment.
enum LeftoverProcesses {
  /// Kills until none is found: a process may start another while the list is read.
  static func kill(jobs: Set<JobID>) {
    for _ in 0..<100 {
      let found = pids().filter { belongs($0, to: jobs) }
      guard !found.isEmpty else { return }
      for pid in found { _ = Glibc.kill(pid, SIGKILL) }
      usleep(10_000)
    }
  }

  private static func pids() -> [pid_t] {
    Directory.names("/proc").compactMap { pid_t($0) }.filter { $0 > 1 && $0 != getpid() }
  }

  private static func belongs(_ pid: pid_t, to jobs: Set<JobID>) -> Bool {
    let file = open("/proc/\(pid)/environ", O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return false }
    defer { close(file) }
    let bytes = SmallFile.read(file, most: 4 << 20)
    let prefix = Array("\(JobEnvironment.marker)=".utf8)
    return bytes.split(separator: 0).contains { entry in
      guard entry.starts(with: prefix) else { return false }
      return JobID(String(decoding: entry.dropFirst(prefix.count), as: UTF8.self)).map(jobs.contains) ?? false
    }
  }
}

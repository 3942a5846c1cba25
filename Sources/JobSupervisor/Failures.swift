import CJobEngine
import Glibc
import JobAPI
import JobModel
import Platform

/// What went wrong with jobs, counted and logged.
extension Supervisor {
  func count(_ record: JobRecord, _ result: jc_job_result, of job: LiveJob) {
    counts.add(record.state == .completed ? .completed : .failed)
    guard result.error != 0 else { return }
    // What a runner is, is the operator's.
    guard result.isFaultOfSystem || job.runnerPlan != nil && !result.isStopped else {
      return counts.add(.launchOfJob, errno: result.error)
    }
    launchFailed(job, result.error, JobRecord.startFailure(result))
  }

  /// By a fault of this system.
  func launchFailed(_ job: LiveJob, _ error: Int32, _ text: String) {
    counts.add(.launchOfSystem, errno: error)
    log.warn("launch_failed", job.fields + ["error": text])
  }

  /// What names it in the log.
  private func fields(of id: JobID) -> Log.Fields { live[id]?.fields ?? ["id": "\(id)"] }

  func outputFailed(of id: JobID, _ what: String, _ error: Int32) {
    counts.add(.output, errno: error)
    log.warn("output_failed", fields(of: id) + ["stream": what, "error": SystemError.text(of: error)])
  }
}

/// What the environment of every job has.
package enum JobEnvironment {
  /// Names the job in the environment of each of its processes: how leftovers of a lost job are found.
  package static let marker = "JOBD_JOB_ID"
}

import CJobHTTP
import CPlatform
import JobAPI
import JobModel
import JobStore

/// `GET /metrics`: counts over all clients, so not for owners of jobs alone.
extension Worker {
  func metrics(_ exchange: Exchange, _ head: RequestHead) throws {
    _ = try head.query()
    var text = MetricsText()
    text.add("jobd_build_info", "The version of jobd.", label: "version", [(Version.text, 1)])
    text.addJobs(api.supervisorCounts)
    text.addFailures(api.supervisorCounts)
    text.addStore(api.supervisorCounts)
    text.addConnections(api)
    text.addExpiries(api.expiries)
    text.addRefusals(api)
    exchange.reply(200, type: "text/plain; version=0.0.4; charset=utf-8", body: Array(text.text.utf8))
  }
}

extension MetricsText {
  fileprivate mutating func addJobs(_ counts: SupervisorCounts) {
    add("process_start_time_seconds", "When the daemon started.", microseconds: counts[.startTime])
    add("jobd_jobs_running", "Jobs that run, or whose result is not on disk yet.", counts[.running])
    add("jobd_jobs_queued", "Jobs that wait for a slot.", counts[.queued])
    let waits = counts.waits
    add(
      "jobd_job_wait_seconds", "How long jobs waited for a slot, of those that had to and were launched.",
      limits: SupervisorCounts.waitLimits, classes: waits.classes, sum: waits.sum)
    add("jobd_jobs_created_total", "Jobs accepted.", counts[.created])
    add("jobd_jobs_started_total", "Jobs whose program was started.", counts[.started])
    add(
      "jobd_jobs_finished_total", "Jobs that ended, by state.", label: "state",
      [("completed", counts[.completed]), ("error", counts[.failed])])
    add("jobd_jobs_deleted_total", "Jobs deleted, by clients or by age.", counts[.deleted])
  }

  fileprivate mutating func addFailures(_ counts: SupervisorCounts) {
    add(
      "jobd_launch_failures_total",
      "Jobs that could not be started, by a fault of their own: no such program, and the like.",
      label: "error", Self.byErrno(counts, .launchOfJob))
    add(
      "jobd_spawn_failures_total", "Jobs that could not be started by a fault of the system.",
      label: "error", Self.byErrno(counts, .launchOfSystem))
    add(
      "jobd_output_failures_total", "Streams of jobs that could not be written to the disk.",
      label: "error", Self.byErrno(counts, .output))
    add("jobd_api_restarts_total", "Starts of an api process after one had died.", counts[.apiRestarts])
    add(
      "jobd_supervisor_restarts_total", "Starts of a supervisor after one had died.",
      counts[.supervisorRestarts])
    add(
      "jobd_hold_failures_total",
      "Jobs that the keeper could not hold: they would not survive the supervisor.",
      counts[.holdFailures])
    add(
      "jobd_runner_failures_total", "Commands of runners that failed.", label: "command",
      [("signal", counts[.runnerSignalFailures]), ("cleanup", counts[.runnerCleanupFailures])])
    add(
      "jobd_runner_uncleaned_jobs", "Jobs of which a runner may have left something elsewhere.",
      counts[.uncleaned])
    add(
      "jobd_audit_failures_total", "Attempts to write the audit trail that failed.", counts[.auditFailures])
    add("jobd_api_start_failures_total", "Starts of an api process that failed.", counts[.apiStartFailures])
  }

  fileprivate mutating func addStore(_ counts: SupervisorCounts) {
    add("jobd_store_commits_total", "Groups of changes written to the database.", counts[.storeCommits])
    add("jobd_store_changes_total", "Changes in those.", counts[.storeChanges])
    add(
      "jobd_store_failures_total", "Changes that could not be stored, by reason.", label: "reason",
      StoreError.Kind.allCases.map { ($0.rawValue, counts[store: $0]) })
  }

  fileprivate mutating func addConnections(_ api: ApiContext) {
    let counts = api.counts
    let now = api.clients.totals
    add("jobd_connections", "Connections of clients.", UInt64(now.connections))
    add("jobd_followers", "Replies that follow output or events.", UInt64(now.followers))
    add(
      "jobd_held_bytes", "Memory for requests that come, input on its way and replies that are not read.",
      UInt64(api.budget.held))
    add(
      "jobd_resident_memory_bytes", "Memory of the daemon's processes that is in RAM.", label: "process",
      api.memory.now)
    add("jobd_connections_total", "Connections accepted.", counts[.connections])
    add(
      "jobd_connections_turned_away_total",
      "Connections that found no room: too many, or no descriptor or memory for them.", counts[.turnedAway])
    add("jobd_handshake_failures_total", "TLS handshakes that failed.", counts[.failedHandshakes])
    add(
      "jobd_http_requests_total", "Replies, by HTTP status.", label: "code",
      ApiCounts.statuses.map { ("\($0)", counts[status: $0]) }.filter { $0.1 > 0 })
  }

  fileprivate mutating func addExpiries(_ expiries: Expiries) {
    let kinds = [
      ("certificate", JC_EXPIRY_CERTIFICATE), ("client_ca", JC_EXPIRY_AUTHORITY),
      ("crl", JC_EXPIRY_REVOCATIONS),
    ]
    add(
      "jobd_certificate_expiry_timestamp_seconds",
      "Until when the server's certificate, the authorities of clients and the revocation lists are valid.",
      label: "file",
      kinds.compactMap { name, kind in expiries.earliest(kind).map { (name, UInt64(max(0, $0))) } })
  }

  fileprivate mutating func addRefusals(_ api: ApiContext) {
    let supervisor = api.supervisorCounts
    add(
      "jobd_refusals_total", "Requests answered 429 or 503 because of a limit.", label: "limit",
      [
        ("max_queued_jobs", supervisor[.refusedQueuedJobs]),
        ("client_queued_jobs", supervisor[.refusedClientQueuedJobs]),
        ("client_stored_bytes", supervisor[.refusedClientStoredBytes]),
        ("client_create_rate", supervisor[.refusedClientCreateRate]),
        ("max_memory", supervisor[.refusedMemory] + api.counts[.refusedMemory]),
        ("client_memory", supervisor[.refusedClientMemory] + api.counts[.refusedClientMemory]),
        ("client_connections", api.counts[.refusedConnections]),
        ("client_followers", api.counts[.refusedFollowers]),
      ])
  }

  /// Those that happened.
  private static func byErrno(_ counts: SupervisorCounts, _ failures: SupervisorCounts.Failures) -> [(
    String, UInt64
  )] {
    (0..<SupervisorCounts.errnos).compactMap { number in
      let count = counts[failures, number]
      guard count > 0 else { return nil }
      return (jp_errno_name(Int32(number)).map { String(cString: $0) } ?? "other", count)
    }
  }
}

import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// Disks that are full, may not be written or fail: a clear error to who met it, counted; what needs no disk goes on;
/// recovery needs no restart.
@Suite(.serialized, .enabled(if: geteuid() == 0)) struct DiskFaultTests {
  /// A job that waits for `go`, and how to let it go on.
  private func waiting(_ daemon: Daemon, _ script: String) throws -> (id: JobID, go: () throws -> Void) {
    let go = Go(daemon.scratch)
    let id = try daemon.client().shell("\(go.wait); \(script)")
    return (id, { try go() })
  }

  private func walOf(_ daemon: Daemon) -> String { "\(daemon.state)/jobd.db-wal" }
  private func stdout(of id: JobID, _ daemon: Daemon) -> String {
    "\(daemon.state)/output/\("\(id)".suffix(2))/\(id).stdout"
  }

  @Test func aFullDiskRefusesCreationsAndTakesResultsAndDeletions() throws {
    let disk = try SmallDisk("6m")
    defer { disk.remove() }
    let daemon = try Daemon(["--client-role", "operator"], state: "\(disk.path)/state")
    Daemon.with(daemon) { daemon in
      let client = daemon.client()
      let (writes, letItWrite) = try waiting(daemon, "head -c 10000000 /dev/zero; exit 5")
      let (quiet, letItEnd) = try waiting(daemon, "exit 6")
      let (done, _) = try client.run("echo", "before")
      try disk.fill()
      var refused = CurlReply(status: 0, headers: "", body: [])
      // Until what was allocated before is used up.
      try Poll.until("a creation to be refused") {
        refused = try daemon.curl("PUT", "/jobs", body: #"{"cmd":"true"}"#)
        return refused.status != 200
      }
      #expect(refused.status == 507)
      #expect(refused.text.contains("the job cannot be stored") && refused.text.contains("full"))
      try letItWrite()
      try letItEnd()
      try Poll.until("output to be lost") {
        try Metrics(daemon)["jobd_output_failures_total{error=\"ENOSPC\"}"] == 1
      }
      #expect(try client.output(done).stdout == "before\n")
      #expect(try daemon.client("bob").list().jobs.isEmpty)
      let metrics = try Metrics(daemon)
      #expect(metrics["jobd_store_failures_total{reason=\"full\"}"] >= 1)
      #expect(metrics["jobd_http_requests_total{code=\"507\"}"] >= 1)
      // Results have room that is kept for them, and so have deletions.
      #expect(try client.end(of: quiet).exitCode == 6)
      try client.delete(done)
      disk.empty()
      let lost = try client.end(of: writes)
      #expect(lost.exitCode == 5)
      #expect(lost.errorMessage == "output was lost: cannot write stdout: No space left on device")
      #expect(try client.end(of: quiet).exitCode == 6)
      #expect(try client.run("echo", "after").1.exitCode == 0)
    }
  }

  /// The first TERM waits for the disk, since a result is lost else; the second one for nothing.
  @Test func aSecondTermEndsADaemonWhoseDiskTakesNoResults() throws {
    try Daemon.with { daemon in
      let (held, letItEnd) = try waiting(daemon, "echo held; exit 9")
      try daemon.withFaults("pwrite64:error=ENOSPC", paths: [walOf(daemon)]) {
        try letItEnd()
        try Poll.until("a result that is held back") { daemon.log.contains("event=store_failed") }
        daemon.signal(SIGTERM)
        try daemon.waitForLog("event=stopping")
        let failures = daemon.log.split(separator: "event=store_failed").count
        try Poll.until("more tries") {
          daemon.log.split(separator: "event=store_failed").count > failures + 1
        }
        #expect(!daemon.log.contains("event=stopped"))
        daemon.signal(SIGTERM)
        try daemon.waitForLog("event=stopped")
        #expect(daemon.log.contains("event=result_not_saved id=\(held)"))
      }
      try daemon.start()
      let lost = try daemon.client().status(held)
      #expect(lost.status == .error && lost.errorMessage != nil)
    }
  }

  struct Fault: CustomStringConvertible {
    let faults, reason, words: String
    var description: String { faults }
  }

  @Test(arguments: [
    Fault(faults: "pwrite64:error=EIO", reason: "input_output", words: "Input/output error"),
    Fault(faults: "fdatasync:error=EIO", reason: "input_output", words: "Input/output error"),
    Fault(faults: "pwrite64:error=EROFS", reason: "read_only", words: "Read-only file system"),
    Fault(faults: "fdatasync:error=ENOSPC", reason: "full", words: "No space left on device"),
  ]) func aDatabaseThatCannotBeWrittenRefusesAndRecovers(fault: Fault) throws {
    try Daemon.with(["--client-role", "operator"]) { daemon in
      let client = daemon.client()
      let (held, letItEnd) = try waiting(daemon, "echo held; exit 9")
      let (done, _) = try client.run("echo", "done")
      let bystander = try Bystander(daemon)
      try daemon.withFaults(fault.faults, paths: [walOf(daemon)]) {
        let refused = try daemon.curl("PUT", "/jobs", body: #"{"cmd":"true"}"#)
        #expect(refused.status == (fault.reason == "full" ? 507 : 503))
        #expect(refused.text.contains(fault.words), "\(refused.text)")
        #expect(refused.headers.contains("Retry-After: 1\r\n") == (refused.status == 503))
        let kept = try daemon.curl("DELETE", "/jobs/\(done)")
        #expect(kept.status == refused.status && kept.text.contains("cannot be deleted"), "\(kept.text)")
        try letItEnd()
        try Poll.until("a result that is held back") {
          try Metrics(daemon)["jobd_store_failures_total{reason=\"\(fault.reason)\"}"] >= 4
        }
        #expect(try client.status(held).status == .running)
        #expect(try client.output(done).stdout == "done\n")
      }
      #expect(try client.end(of: held).exitCode == 9)
      #expect(try client.output(held).stdout == "held\n")
      try client.delete(done)
      #expect(try client.run("/bin/true").1.exitCode == 0)
      try bystander.end()
      #expect(try client.list().jobs.count == 2, "what was refused is not there")
    }
  }

  /// What is launched beside its creation, or before, ends when that is not stored; what leaves nothing runs.
  @Test(arguments: [
    "pwrite64:error=EIO", "fdatasync:error=EIO", "pwrite64:error=EROFS", "fdatasync:error=ENOSPC",
  ]) func aRunThatCannotBeStoredIsEndedAndRefused(faults: String) throws {
    try Daemon.with { daemon in
      let mark = daemon.scratch.fresh("mark")
      try daemon.withFaults(faults, paths: [walOf(daemon)]) {
        let short = try daemon.curl("POST", "/jobs:run", body: #"{"cmd":"echo","args":["x"],"rm":true}"#)
        #expect(short.status == 200 && short.text.contains(#""stdout":"x\n""#), "\(short.text)")
        for removes in [true, false] {
          let script = "echo $$ >>\(mark); echo output; exec sleep 60"
          let request = RunRequest(CreateRequest(cmd: "sh", args: ["-c", script]), removes: removes)
          let body = String(decoding: JSONBody.encode(request), as: UTF8.self)
          let reply = try daemon.curl("POST", "/jobs:run", body: body)
          #expect(reply.status == (faults.hasSuffix("ENOSPC") ? 507 : 500))
          #expect(reply.text.contains("the job cannot be stored"), "\(reply.text)")
        }
      }
      // One whose creation fails at once may not have come to write.
      for pid in Files.text(mark).split(separator: "\n").compactMap({ Int32($0) }) {
        try Poll.until("its end") { !Processes.isAlive(pid) }
      }
      #expect(try daemon.client().list().jobs.isEmpty)
      #expect(daemon.jobsWithFiles.isEmpty)
      #expect(try daemon.client().run("true").1.exitCode == 0)
    }
  }

  /// Whoever waits for the end of a job waits until that is on disk.
  @Test(arguments: [true, false]) func aRunWhoseResultCannotBeSavedIsAnsweredOnceItIs(removes: Bool) throws {
    try Daemon.with { daemon in
      let go = Go(daemon.scratch)
      let script = "echo first; \(go.wait); echo last; exit 9"
      let request = RunRequest(CreateRequest(cmd: "sh", args: ["-c", script]), removes: removes)
      let run = try daemon.startCurl(
        "/jobs:run", ["-d", String(decoding: JSONBody.encode(request), as: UTF8.self)])
      let client = daemon.client()
      try Poll.until("its output") {
        guard let id = try client.list().jobs.first?.id else { return false }
        return try client.output(id).stdout == "first\n"
      }
      try daemon.withFaults("pwrite64:error=EIO", paths: [walOf(daemon)]) {
        try go()
        try Poll.until("a result that is held back") { daemon.log.contains("event=store_failed") }
        #expect(!run.hasEnded)
        #expect(try client.list().jobs.map(\.state.status) == [.running])
      }
      let text = try run.wait().text
      #expect(text.contains("\"exit_code\":9") && text.contains("first\\nlast\\n"), "\(text)")
      try Poll.until("its record") { try client.list().jobs.count == (removes ? 0 : 1) }
    }
  }

  /// What the kernel dropped may be commits that did not wait for the disk: the log is not appended to any more.
  @Test func aLogThatDidNotGetToDiskIsBegunAnew() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let (id, _) = try client.run("echo", "text")
      let salt = Files.read(walOf(daemon))[16..<24]
      try daemon.withFaults("fdatasync:error=EIO:when=1", thread: "store") {
        #expect(throws: ClientError.self) { try client.create(CreateRequest(cmd: "true")) }
        #expect(Files.read(walOf(daemon))[16..<24] == salt)
        _ = try client.create(CreateRequest(cmd: "true"))
      }
      #expect(Files.read(walOf(daemon))[16..<24] != salt)
      daemon.kill()
      try daemon.start()
      #expect(try daemon.client().output(id).stdout == "text\n")
      #expect(try daemon.client().list().jobs.count == 2)
    }
  }

  @Test(arguments: [
    ("openat:error=EROFS", "Read-only file system", "EROFS"),
    ("openat:error=EMFILE", "Too many open files", "EMFILE"),
    ("write:error=EIO", "Input/output error", "EIO"),
    ("write:error=EDQUOT", "Disk quota exceeded", "EDQUOT"),
  ]) func outputThatCannotBeWrittenIsAnErrorOfItsJob(faults: String, words: String, error: String) throws {
    try Daemon.with(["--client-role", "operator"]) { daemon in
      let client = daemon.client()
      let (id, letItWrite) = try waiting(daemon, "echo lost; exit 4")
      let bystander = try Bystander(daemon)
      let failures = try daemon.growth(of: "jobd_output_failures_total{error=\"\(error)\"}") {
        // A file that is there is named by its path; one that is to be made is not.
        let paths = faults.hasPrefix("write") ? [stdout(of: id, daemon)] : []
        try daemon.withFaults(faults, thread: "jobd", paths: paths) {
          try letItWrite()
          let status = try client.end(of: id)
          #expect(status.exitCode == 4)
          #expect(status.errorMessage == "output was lost: cannot write stdout: \(words)")
        }
      }
      #expect(failures == 1)
      #expect(try client.detail(id).truncated)
      let (fine, _) = try client.run("echo", "kept")
      #expect(try client.output(fine).stdout == "kept\n")
      try bystander.end()
    }
  }

  /// As that of a job that was created before: what a run wrote goes into files once it is on record.
  @Test(arguments: ["openat:error=EMFILE", "write:error=EIO"])
  func outputOfARunThatCannotBeWrittenIsToldAsLost(faults: String) throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let reply = try daemon.withFaults(faults, thread: "jobd") {
        // Beside the job's file the daemon writes none.
        try client.run(RunRequest(CreateRequest(cmd: "echo", args: ["lost"])))
      }
      #expect(reply.state.exitCode == 0 && reply.state.truncated == true)
      #expect(reply.state.errorMessage?.hasPrefix("output was lost: cannot write stdout") == true)
      #expect(reply.output?.stdout == "")
      #expect(try client.status(reply.id) == reply.state)
      #expect(
        try client.run(RunRequest(CreateRequest(cmd: "echo", args: ["kept"]))).output?.stdout == "kept\n")
    }
  }

  /// The kernel tells a failed write-back once and forgets it: a second fdatasync would succeed, with the bytes lost.
  @Test(arguments: ["fdatasync", "fsync"])
  func outputThatDidNotGetToDiskIsNeverToldAsKept(call: String) throws {
    try Daemon.with(["--client-role", "operator"]) { daemon in
      let client = daemon.client()
      let failures = try daemon.growth(of: "jobd_output_failures_total{error=\"EIO\"}") {
        let status = try daemon.withFaults("\(call):error=EIO:when=1", thread: "output sync") {
          try client.run("echo", "volatile").1
        }
        #expect(status.exitCode == 0)
        #expect(status.errorMessage?.hasPrefix("output was lost: cannot get") == true, "\(status)")
        #expect(status.errorMessage?.hasSuffix("onto the disk: Input/output error") == true)
      }
      #expect(failures == 1)
      #expect(try client.run("echo", "kept").1.errorMessage == nil)
    }
  }

  @Test func outputThatCannotBeReadFailsThatRequestAlone() throws {
    try Daemon.with(["--client-role", "operator"]) { daemon in
      let client = daemon.client()
      let (id, _) = try client.run("echo", "text")
      let bystander = try Bystander(daemon)
      try daemon.withFaults("pread64:error=EIO", into: daemon.apiPid, paths: [stdout(of: id, daemon)]) {
        let output = try daemon.curl("GET", "/jobs/\(id)/output")
        #expect(output.status == 500)
        #expect(throws: ClientError.self) { try client.bytes(.stdout, id) }
        let status = try client.status(id)
        #expect(status.exitCode == 0)
      }
      #expect(try client.bytes(.stdout, id) == Array("text\n".utf8))
      try bystander.end()
    }
  }
}

import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// System calls of a launch that fail: a clear error of that job, counted; all others go on, and the next job starts
/// once the cause is gone.
@Suite(.serialized, .enabled(if: geteuid() == 0)) struct LaunchFaultTests {
  struct Fault: CustomStringConvertible {
    let call, error, words: String
    var thread: String? = "launcher"
    var description: String { "\(call) \(error)" }
  }

  @Test(arguments: [
    Fault(call: "pipe2", error: "EMFILE", words: "pipe: Too many open files"),
    Fault(call: "pipe2", error: "ENFILE", words: "pipe: Too many open files in system"),
    Fault(call: "openat", error: "ENOSPC", words: "terminal: No space left on device"),
    Fault(call: "ioctl", error: "EIO", words: "terminal: Input/output error"),
    Fault(call: "clone3", error: "EAGAIN", words: "clone: Resource temporarily unavailable"),
    Fault(call: "clone3", error: "ENOMEM", words: "clone: Cannot allocate memory"),
    Fault(call: "epoll_ctl", error: "ENOMEM", words: "watch: Cannot allocate memory", thread: "jobd"),
    Fault(call: "epoll_ctl", error: "ENOSPC", words: "watch: No space left on device", thread: "jobd"),
    Fault(call: "memfd_create", error: "EMFILE", words: "input: Too many open files", thread: "jobd"),
  ]) func aJobThatCannotBeStartedSaysWhy(fault: Fault) throws {
    try Daemon.with(["--client-role", "operator"]) { daemon in
      let client = daemon.client()
      let bystander = try Bystander(daemon)
      let failures = try daemon.growth(of: "jobd_spawn_failures_total{error=\"\(fault.error)\"}") {
        try daemon.withFaults("\(fault.call):error=\(fault.error)", thread: fault.thread) {
          var request = CreateRequest(cmd: "cat")
          if fault.call == "memfd_create" { request.stdin = "text" }
          if fault.words.hasPrefix("terminal") { request.tty = TerminalSize(rows: 24, columns: 80) }
          let status = try client.end(of: try client.create(request))
          #expect(status.status == .error)
          #expect(status.errorMessage?.contains(fault.words) == true, "\(status)")
        }
      }
      #expect(failures == 1)
      #expect(try client.run("/bin/true").1.exitCode == 0)
      try bystander.end()
    }
  }

  /// The host has 4,096, and whoever logs in needs one.
  @Test func theLastQuarterOfTheHostsTerminalsIsNotTaken() throws {
    let scratch = try Scratch()
    defer { scratch.remove() }
    let count = "\(scratch.path)/nr"
    try Files.write(Array("0\n".utf8), to: count)
    let counted = "mount --bind \(count) /proc/sys/kernel/pty/nr && exec \"$@\""
    try Daemon.with(Daemon(under: ["unshare", "--mount", "sh", "-c", counted, "sh"])) { daemon in
      let client = daemon.client()
      func end() throws -> StatusReply {
        var request = CreateRequest(cmd: "true")
        request.tty = TerminalSize(rows: 24, columns: 80)
        return try client.end(of: try client.create(request))
      }
      #expect(try end().exitCode == 0)
      // In place: the mount is of the file.
      let most = try #require(Int(Files.text("/proc/sys/kernel/pty/max").filter(\.isNumber)))
      try Files.write(Array("\(most - most / 4)\n".utf8), to: count)
      let status = try end()
      #expect(status.status == .error)
      #expect(
        status.errorMessage?.contains("three quarters of the host's (kernel.pty.max) are in use") == true)
      #expect(try client.run("/bin/true").1.exitCode == 0)
    }
  }

  /// All of one user's processes, threads counted, are as many as it may have: clone3 says so, not strace.
  @Test func aUserThatHasTooManyProcessesIsToldSo() throws {
    let user = try UnprivilegedUser(61_234)
    defer { user.scratch.remove() }
    let options = user.options + ["--client-role", "operator", "--launchers", "2", "--workers", "1"]
    try Daemon.with(options, limits: ["--nproc=24", "--nofile=4096"] + user.prefix) { daemon in
      let client = daemon.client()
      let bystander = try Bystander(daemon)
      let ids = try (0..<40).map { _ in try client.create(CreateRequest(cmd: "sleep", args: ["1000"])) }
      try Poll.until("all to be started or not") {
        try ids.allSatisfy {
          let detail = try client.detail($0)
          return detail.status != .running || detail.pid != nil
        }
      }
      let failed = try ids.map { try client.status($0) }.filter { $0.status == .error }
      #expect(!failed.isEmpty && failed.count < 40)
      let words = "clone: Resource temporarily unavailable"
      #expect(failed.allSatisfy { $0.errorMessage?.contains(words) == true })
      #expect(try Metrics(daemon)["jobd_spawn_failures_total{error=\"EAGAIN\"}"] == Double(failed.count))
      for id in ids { try client.delete(id) }
      #expect(try client.run("/bin/true").1.exitCode == 0)
      try bystander.end()
    }
  }

  @Test func descriptorsThatAreUsedUpAreWaitedFor() throws {
    try Daemon.with(["--client-role", "operator"]) { daemon in
      let client = daemon.client()
      let bystander = try Bystander(daemon)
      try limitDescriptors(daemon, daemon.pid, Processes.descriptors(daemon.pid) + 2)
      let failures = try daemon.growth(of: "jobd_spawn_failures_total{error=\"EMFILE\"}") {
        let status = try client.run("/bin/true").1
        #expect(status.errorMessage?.contains("Too many open files") == true, "\(status)")
      }
      #expect(failures == 1)
      try limitDescriptors(daemon, daemon.pid, 4096)
      #expect(try client.run("/bin/true").1.exitCode == 0)
      try bystander.end()
    }
  }

  /// The supervisor goes on trying to have an api process.
  @Test func anApiProcessThatCannotBeStartedIsTriedAgain() throws {
    try Daemon.with(["--client-role", "operator"]) { daemon in
      let client = daemon.client()
      let go = Go(daemon.scratch)
      let job = try client.shell("\(go.wait); echo done; exit 3")
      try Poll.until("a pid") { try client.detail(job).pid != nil }
      try daemon.withFaults("clone,clone3,vfork:error=EAGAIN", thread: "jobd") {
        kill(daemon.apiPid, SIGKILL)
        try daemon.waitForLog("event=api_not_started")
      }
      let fresh = daemon.client()
      try Poll.until("another api process") { (try? fresh.status(job)) != nil }
      try go()
      #expect(try fresh.end(of: job).exitCode == 3)
      #expect(try fresh.output(job).stdout == "done\n")
      #expect(try Metrics(daemon)["jobd_api_start_failures_total"] >= 1)
    }
  }
}

/// Sets how many descriptors a running process may have.
func limitDescriptors(_ daemon: Daemon, _ pid: Int32, _ most: Int) throws {
  let done = try Running(
    "prlimit", ["--pid", "\(pid)", "--nofile=\(most):"], directory: daemon.scratch
  ).wait()
  try #require(done.status == 0, "\(done.errorText)")
}

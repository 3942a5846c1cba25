import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// What a request costs, counted in system calls: these stay as they are on any machine, as no time does.
@Suite(.serialized, .enabled(if: geteuid() == 0)) struct SystemCallTests {
  private static let count = 100

  @Test(arguments: [1, 16]) func aStatusQueryIsOneReadAndOneWrite(depth: Int) throws {
    try Daemon.with { daemon in
      let (id, _) = try daemon.client().run("/bin/true")
      let client = try daemon.rawClient()
      let request = "GET /jobs/\(id)/status HTTP/1.1\r\nHost: localhost\r\n\r\n"
      func ask() throws {
        try client.send(String(repeating: request, count: depth))
        for _ in 0..<depth { #expect(try client.reply().status == 200) }
      }
      try ask()
      let calls = try daemon.countingSystemCalls { for _ in 0..<Self.count { try ask() } }
      // Pipelined ones that come together are read and answered together.
      #expect(calls.api == ["recvfrom": Self.count, "sendto": Self.count])
      #expect(calls.supervisor == [:])
    }
  }

  /// A table of descriptors does not shrink when they are closed: one that began as a copy of the supervisor's tells.
  @Test func aLaunchCopiesNoDescriptorsOfRunningJobs() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      for _ in 0..<40 { _ = try client.create(CreateRequest(cmd: "sleep", args: ["1000"])) }
      try Poll.until("all to run") { Processes.descriptors(daemon.pid) > 3 * 40 }
      func look() throws {
        let id = try daemon.client().create(
          CreateRequest(cmd: "grep", args: ["FDSize", "/proc/self/status"]))
        #expect(try daemon.client().end(of: id).exitCode == 0)
        #expect(try daemon.client().output(id).stdout == "FDSize:\t64\n")
      }
      try look()
      // The next one has their descriptors before it launches anything.
      try daemon.waitUntilHeld(40)
      try daemon.killSupervisor()
      try look()
    }
  }

  /// Kernels that leave something of the supervisor's table behind let a job have fewer.
  @Test func aJobHasAllOfItsDescriptorsWhateverRuns() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      for _ in 0..<300 { _ = try client.create(CreateRequest(cmd: "sleep", args: ["1000"])) }
      try Poll.until("all to run") { Processes.descriptors(daemon.pid) > 3 * 300 }
      let open = "import os; print(max(os.open('/dev/null', os.O_RDONLY) for _ in range(900)) < 1000)"
      let id = try client.create(CreateRequest(cmd: "python3", args: ["-c", open]))
      #expect(try client.end(of: id).exitCode == 0)
      #expect(try client.output(id).stdout == "True\n")
    }
  }

  /// The four calls of a short job, one after the other.
  @Test func aJobIsNoMoreCallsThanItNeeds() throws {
    try Daemon.with { daemon in
      let client = try daemon.rawClient()
      func request(_ method: String, _ path: String, _ body: String = "") throws -> String {
        let type =
          body.isEmpty ? "" : "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n"
        try client.send("\(method) \(path) HTTP/1.1\r\nHost: localhost\r\n\(type)\r\n\(body)")
        let reply = try client.reply()
        #expect(reply.status == 200, "\(method) \(path): \(reply.text)")
        return reply.text
      }
      func job() throws {
        let id = try request("PUT", "/jobs", #"{"cmd":"/bin/true"}"#).split(separator: "\"")[3]
        _ = try request("GET", "/jobs/\(id)/status?wait=60s")
        _ = try request("GET", "/jobs/\(id)/output")
        _ = try request("DELETE", "/jobs/\(id)")
      }
      for _ in 0..<3 { try job() }
      let calls = try daemon.countingSystemCalls { for _ in 0..<Self.count { try job() } }
      expect(calls.api, atMost: Self.api)
      // Without a cgroup it is looked for what a job has left, in all processes there are.
      let looks = daemon.log.contains("event=no_cgroup") ? Self.looking : []
      expect(calls.supervisor.filter { !looks.contains($0.key) }, atMost: Self.supervisor)
      #expect(calls.supervisor["clone3"] == Self.count)
      // Both the creation and the end were on disk when they were told.
      #expect(calls.supervisor["fdatasync"] ?? 0 >= 2 * Self.count)
    }
  }

  /// Each call is read and answered; the two that need the supervisor are a message there and one or two back, one of
  /// which another thread may have to be woken for.
  private static let api = ["recvfrom": 7, "sendto": 6, "read": 1, "write": 1]

  /// Three transactions (created, ended, deleted) of four or five pages; two of them wait for the disk.
  private static let supervisor = [
    "clone3": 1, "pipe2": 2, "rt_sigprocmask": 2, "waitid": 1, "epoll_ctl": 6, "close": 5, "getrandom": 1,
    "read": 9, "fsetxattr": 1, "getrusage": 1, "dup3": 4,
    "write": 4, "recvfrom": 2, "sendto": 4, "fdatasync": 2, "pwrite64": 30, "fcntl": 22, "pread64": 1,
  ]

  private static let looking: Set = [
    "openat", "lseek", "getdents64", "read", "close", "getpid", "getsid", "getpgid", "kill",
  ]

  /// `most`: of a job. A few more are what happens by the way: timers, a checkpoint.
  private func expect(_ calls: [String: Int], atMost most: [String: Int]) {
    for (name, count) in calls {
      let limit = Self.count * (most[name] ?? 0) + 20
      #expect(count <= limit, "\(name): \(count) calls in \(Self.count) jobs")
    }
  }
}

import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// What jobs do, through the real daemon.
@Suite(.serialized) struct JobTests {
  @Test func twoHundredJobsAtOnceEachHaveTheirOutputAndCode() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let ids = try (0..<200).map {
        try client.shell("echo out-\($0); echo err-\($0) >&2; sleep 0.2; exit \($0)")
      }
      for (number, id) in ids.enumerated() {
        let status = try client.end(of: id)
        #expect(status.status == .completed)
        #expect(status.exitCode == Int32(number))
        let output = try client.output(id)
        #expect(output == OutputReply(stdout: "out-\(number)\n", stderr: "err-\(number)\n"))
      }
    }
  }

  @Test func fiveThousandShortJobsLeaveNothingBehind() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      func some(_ count: Int) throws {
        for _ in 0..<count {
          let (id, status) = try client.run("/bin/true")
          try #require(status.exitCode == 0)
          try client.delete(id)
        }
      }
      // What grows once, as pools and caches do, has grown after the first of them.
      try some(1000)
      let before = (Processes.descriptors(daemon.pid), Processes.descriptors(daemon.apiPid))
      let memory = Processes.resident(daemon.pid) + Processes.resident(daemon.apiPid)
      try some(4000)
      #expect(Processes.descriptors(daemon.pid) <= before.0)
      #expect(Processes.descriptors(daemon.apiPid) <= before.1)
      #expect(Processes.children(daemon.pid) == [daemon.apiPid])
      #expect(Files.countFiles(below: "\(daemon.state)/output") == 0)
      let growth = Processes.resident(daemon.pid) + Processes.resident(daemon.apiPid) - memory
      #expect(growth < 8 * 1024, "KiB grown in 4,000 jobs")
    }
  }

  @Test func outputThatNobodyReadsBlocksNothingAndCostsNoMemory() throws {
    try Daemon.with(["--output-limit", "2GiB"]) { daemon in
      let client = daemon.client()
      _ = try client.run("/bin/true")
      let memory = Processes.resident(daemon.pid) + Processes.resident(daemon.apiPid)
      let (id, status) = try client.run("head", "-c", "1073741824", "/dev/zero")
      #expect(status.exitCode == 0)
      #expect(try client.detail(id).stdoutBytes == 1 << 30)
      let growth = Processes.resident(daemon.pid) + Processes.resident(daemon.apiPid) - memory
      #expect(growth < 16 * 1024, "KiB grown by 1 GiB of output")
    }
  }

  @Test func outputIsByteExact() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let script = "i=0; while [ $i -lt 256 ]; do printf \"\\\\$(printf %03o $i)\"; i=$((i+1)); done"
      let (id, _) = try client.run("sh", "-c", script)
      #expect(try client.bytes(.stdout, id) == Array(UInt8.min...UInt8.max))
      let copied = try daemon.jobctl("output", "\(id)")
      #expect(copied.output == Array(UInt8.min...UInt8.max))
      #expect(copied.errors.isEmpty)
    }
  }

  @Test(arguments: [
    ("/nonexistent/program", #"exec "/nonexistent/program": No such file or directory"#),
    ("nosuchprogram", #"exec "nosuchprogram": No such file or directory"#),
    ("/etc/passwd", #"exec "/etc/passwd": Permission denied"#), ("/tmp", #"exec "/tmp": Permission denied"#),
    (
      "/" + String(repeating: "é", count: 5000),
      #"exec "/\#(String(repeating: "é", count: 199))...": File name too long"#
    ),
  ])
  func whatCannotBeExecutedIsAJobInError(command: String, reason: String) throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let (id, status) = try client.run(command)
      #expect(status.status == .error)
      #expect(status.exitCode == nil)
      #expect(status.errorMessage == "cannot start the job: \(reason)")
      #expect(try client.output(id) == OutputReply(stdout: "", stderr: ""))
      try client.delete(id)
    }
  }

  @Test func argumentsNearTheKernelsLimitWorkAndOverItFailClearly() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      // A single argument may have 128 KiB less one byte and all together, with the environment, a quarter of the stack limit (execve(2)).
      let near = try client.create(
        CreateRequest(
          cmd: "/bin/true", args: Array(repeating: String(repeating: "a", count: 100_000), count: 19)))
      #expect(try client.end(of: near).exitCode == 0)
      for (size, count) in [(140_000, 1), (100_000, 25)] {
        let over = try client.create(
          CreateRequest(
            cmd: "/bin/true", args: Array(repeating: String(repeating: "a", count: size), count: count)))
        let status = try client.end(of: over)
        #expect(status.status == .error)
        #expect(status.errorMessage?.contains("Argument list too long") == true)
      }
    }
  }

  @Test(arguments: [["--cgroup", "true"], ["--cgroup", "false"]])
  func aGrandchildThatHidesIsGoneAfterDelete(options: [String]) throws {
    try Daemon.with(options) { daemon in
      let client = daemon.client()
      let id = try client.shell("setsid sh -c 'trap \"\" TERM; echo $$; while :; do sleep 1; done' & wait")
      var pid: Int32 = 0
      try Poll.until("the grandchild's pid") {
        pid = Int32(try client.output(id).stdout.prefix { $0 != "\n" }) ?? 0
        return pid != 0
      }
      #expect(Processes.isAlive(pid))
      try client.delete(id)
      #expect(!Processes.isAlive(pid))
      #expect(throws: ClientError.self) { try client.detail(id) }
    }
  }

  @Test func aRunningJobIsDeletedWithItsFiles() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let id = try client.shell("echo $$; exec sleep 1000")
      var pid: Int32 = 0
      try Poll.until("the job's pid") {
        pid = Int32(try client.output(id).stdout.prefix { $0 != "\n" }) ?? 0
        return pid != 0
      }
      try client.delete(id)
      #expect(!Processes.isAlive(pid))
      #expect(Files.countFiles(below: "\(daemon.state)/output") == 0)
    }
  }

  @Test func deletesAtTheSameTimeAllEnd() throws {
    try Daemon.with { daemon in
      let id = try daemon.client().shell("sleep 1000")
      let deleting = try (0..<8).map { _ in try daemon.startJobctl(["delete", "\(id)"]) }
      let codes = try deleting.map { try $0.wait().status }
      #expect(codes.allSatisfy { $0 == 0 || $0 == 123 })
      #expect(codes.contains(0))
      #expect(try daemon.curl("GET", "/jobs/\(id)/status").status == 404)
    }
  }

  @Test func pastTheLimitOutputIsDrainedCountedAndDropped() throws {
    try Daemon.with(["--output-limit", "1MiB"]) { daemon in
      let client = daemon.client()
      let (id, status) = try client.run("head", "-c", "5000000", "/dev/zero")
      #expect(status.exitCode == 0)
      let detail = try client.detail(id)
      #expect(detail.stdoutBytes == 1 << 20)
      #expect(detail.stdoutDropped == Int64(5_000_000 - (1 << 20)))
      #expect(detail.truncated)
      #expect(try client.output(id).truncated == true)
    }
  }
}

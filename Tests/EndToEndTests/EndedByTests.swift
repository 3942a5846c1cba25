import FoundationEssentials
import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// What ended a job, who asked for that, and where its time went.
@Suite(.serialized) struct EndedByTests {
  /// What the events of a job's end say.
  private func told(of id: JobID, _ daemon: Daemon) throws -> StatusReply? {
    try daemon.curl("GET", "/events").text.split(separator: "\n")
      .map { try JSONDecoder().decode(JobEvent.self, from: Data($0.utf8)) }
      .last { $0.id == id && $0.event == .finished }?.status
  }

  /// The same everywhere.
  private func expect(_ end: EndedBy?, of id: JobID, _ daemon: Daemon) throws {
    let status = try daemon.client().end(of: id)
    #expect(status.endedBy == end, "\(status)")
    for other in [try daemon.client().detail(id).state, try #require(try told(of: id, daemon))] {
      #expect(other.endedBy == end && other.stoppedBy == status.stoppedBy, "\(other)")
    }
  }

  @Test func whatAJobDoesItself() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      try expect(.exit, of: client.shell("exit 3"), daemon)
      try expect(.signal, of: client.shell("kill -SEGV $$"), daemon)
      try expect(nil, of: client.create(CreateRequest(cmd: "/nonexistent")), daemon)
      let signalled = try client.shell("echo up; exec sleep 1000")
      try Poll.until("the job") { try client.output(signalled).stdout == "up\n" }
      try client.signal(signalled, SignalRequest(signal: SignalName("TERM")!))
      try expect(.signal, of: signalled, daemon)
      let killed = try client.shell("exec sleep 1000")
      try Poll.until("its process") { try client.detail(killed).pid != nil }
      kill(try #require(try client.detail(killed).pid), SIGKILL)
      try expect(.signal, of: killed, daemon)
    }
  }

  @Test func whatItsLimitsDo() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      var late = CreateRequest(cmd: "sh", args: ["-c", "trap 'exit 0' TERM; while :; do sleep 0.02; done"])
      late.timeout = DurationText("100ms")
      try expect(.timeout, of: client.create(late), daemon)
      var loud = CreateRequest(cmd: "yes")
      (loud.outputLimit, loud.onLimit) = (1000, .kill)
      try expect(.outputLimit, of: client.create(loud), daemon)
    }
  }

  @Test func aStopSaysWhoAndWhen() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let id = try client.shell("trap 'exit 5' TERM; echo up; while :; do sleep 0.02; done")
      try Poll.until("the trap") { try client.output(id).stdout == "up\n" }
      let status = try client.stop(id)
      #expect((status.exitCode, status.endedBy, status.stoppedBy?.client) == (5, .stop, "alice"))
      let detail = try client.detail(id)
      let order = [try #require(detail.started), status.stoppedBy!.time, try #require(detail.finished)]
      #expect(order == order.sorted())
      try expect(.stop, of: id, daemon)
      #expect(try client.stop(id).stoppedBy == status.stoppedBy, "who comes too late changes nothing")
      let (ended, _) = try client.run("true")
      #expect(try client.stop(ended).endedBy == .exit)
    }
  }

  @Test func anOrderlyEndOfTheDaemonIsTold() throws {
    try Daemon.with { daemon in
      let id = try daemon.client().shell("exec sleep 1000")
      try Poll.until("its process") { try daemon.client().detail(id).pid != nil }
      #expect(try daemon.stop().status == 0)
      try daemon.start()
      let status = try daemon.client().status(id)
      #expect((status.endedBy, status.signal, status.stoppedBy?.client) == (.shutdown, SIGTERM, nil))
      #expect(status.stoppedBy.flatMap { TimeText.microseconds($0.time) } != nil)
      try expect(.shutdown, of: id, daemon)
    }
  }

  @Test func nobodyKnowsHowALostJobEnded() throws {
    try Daemon.with { daemon in
      let id = try daemon.client().shell("exec sleep 1000")
      daemon.kill()
      try daemon.start()
      try expect(.lost, of: id, daemon)
      #expect(try daemon.client().status(id).status == .error)
    }
  }

  /// The next supervisor does not know who asked for it, and that it was.
  @Test func aStopOutlivesTheSupervisor() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let id = try client.shell("trap 'echo term' TERM; echo up; while :; do sleep 0.02; done")
      try daemon.waitUntilHeld(1)
      let stopping = try daemon.startJobctl(["stop", "--grace", "1000s", "\(id)"])
      try Poll.until("TERM") { try client.output(id).stdout.contains("term") }
      stopping.signal(SIGKILL)
      _ = try stopping.wait()
      try daemon.killSupervisor()
      let pid = try #require(try daemon.client().detail(id).pid)
      kill(pid, SIGKILL)
      try expect(.stop, of: id, daemon)
      #expect(try daemon.client().detail(id).adopted == true)
    }
  }

  @Test func timesAreKnownAndInOrder() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let id = try client.shell("echo x; read -r x < /dev/zero & sleep 1000; :")
      try Poll.until("its output") { try client.detail(id).times.firstOutput != nil }
      let running = try client.detail(id).times
      #expect(running.ended == nil && running.saved == nil && running.stored != nil)
      _ = try client.stop(id, grace: DurationText("0s"))
      let detail = try client.detail(id)
      let times = detail.times
      let all = [
        times.created, times.stored, times.launched, times.started, times.firstOutput, times.ended,
        times.saved,
      ].compactMap(\.self)
      #expect(all.count == 7 && all == all.sorted(), "\(times)")
      #expect(
        (times.created, times.started, times.ended) == (detail.created, detail.started, detail.finished))
      #expect(running.stored == times.stored && running.firstOutput == times.firstOutput)
      let (silent, _) = try client.run("true")
      #expect(try client.detail(silent).times.firstOutput == nil)
      // They are on disk.
      daemon.kill()
      try daemon.start()
      #expect(try daemon.client().detail(id).times == times)
      #expect(try daemon.client().list().jobs.last?.times == times)
    }
  }
}

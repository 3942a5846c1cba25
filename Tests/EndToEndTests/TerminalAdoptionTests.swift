import Glibc
import Harness
import JobAPI
import JobClient
import Synchronization
import Testing

/// Jobs with a terminal go on as all others do, whatever becomes of their supervisor.
@Suite(.serialized) struct TerminalAdoptionTests {
  private func terminal(_ script: String) -> CreateRequest {
    var request = CreateRequest(cmd: "sh", args: ["-c", script])
    request.tty = TerminalSize(rows: 40, columns: 120)
    return request
  }

  /// What a terminal makes of `seq`, so many times.
  private func sequence(to last: Int, times: Int) -> [UInt8] {
    let once = (1...last).map { "\($0)\r\n" }.joined().utf8
    return (0..<times).flatMap { _ in once }
  }

  @Test(arguments: ["true", "false"])
  func outputIsByteExactOverManyKills(cgroup: String) throws {
    try Daemon.with(["--cgroup", cgroup]) { daemon in
      let go = Go(daemon.scratch)
      let lines = "i=0; while [ $i -lt 10 ]; do seq 1 100000; sleep 0.05; i=$((i+1)); done"
      let id = try daemon.client().create(terminal("\(lines); \(go.wait); exit 9"))
      let followed = try daemon.startJobctl(["logs", "-f", "\(id)"])
      try daemon.waitUntilHeld(1)
      for _ in 0..<4 { try daemon.killSupervisor() }
      try go()
      #expect(try daemon.client().end(of: id).exitCode == 9)
      let expected = sequence(to: 100_000, times: 10)
      #expect(try daemon.client().bytes(.stdout, id) == expected)
      #expect(try followed.wait().output == expected)
    }
  }

  @Test func anOrdinaryUsersDaemonOpensThePipeAgain() throws {
    let user = try UnprivilegedUser()
    defer { user.scratch.remove() }
    try Daemon.with(user.options, limits: ["--nofile=4096"] + user.prefix) { daemon in
      let id = try daemon.client().create(
        terminal("test -O $(tty) && echo own; for i in 1 2 3 4; do seq 1 10000; sleep 0.5; done; exit 5"))
      try daemon.waitUntilHeld(1)
      for _ in 0..<2 { try daemon.killSupervisor() }
      #expect(try daemon.client().end(of: id).exitCode == 5)
      #expect(
        try daemon.client().bytes(.stdout, id) == Array("own\r\n".utf8) + sequence(to: 10_000, times: 4))
    }
  }

  @Test(.enabled(if: geteuid() == 0)) func itIsTheUsersOfTheJob() throws {
    try Daemon.with { daemon in
      var request = terminal(
        "test -O $(tty) && echo own; echo named >/dev/tty; read line </dev/tty; echo $line; exit 4")
      request.user = "nobody"
      let client = daemon.client()
      let id = try client.create(request)
      try daemon.waitUntilHeld(1)
      try daemon.killSupervisor()
      try daemon.client().feed(id, Array("typed\n".utf8), close: false)
      #expect(try daemon.client().end(of: id).exitCode == 4)
      #expect(try daemon.client().output(id).stdout == "own\r\nnamed\r\ntyped\r\ntyped\r\n")
    }
  }

  /// At most what was being written is lost; nothing comes twice or in another order, and nothing is refused.
  @Test func inputGoesOnOverManyKills() throws {
    try Daemon.with { daemon in
      let id = try daemon.client().create(
        terminal("stty -echo; echo ready; while read line; do echo $line; [ $line = end ] && exit 6; done"))
      try daemon.waitUntilHeld(1)
      let feeder = Feeder(id)
      // Its port and certificates do not change.
      nonisolated(unsafe) let server = daemon
      let thread = Harness.Thread { feeder.run { server.client() } }
      for _ in 0..<6 {
        let before = feeder.count
        try Poll.until("more input") { feeder.count > before + 20 }
        try daemon.killSupervisor()
      }
      feeder.end()
      thread.join()
      #expect(feeder.refusal == nil)
      try daemon.client().feed(id, Array("end\n".utf8), close: false)
      #expect(try daemon.client().end(of: id).exitCode == 6)
      let lines = try daemon.client().output(id).stdout.split(separator: "\r\n").dropFirst()
      let numbers = lines.dropLast().compactMap { Int($0) }
      #expect(numbers.count == lines.count - 1 && lines.last == "end")
      #expect(zip(numbers, numbers.dropFirst()).allSatisfy { $0 < $1 })
      #expect(numbers.count <= feeder.count && numbers.count >= feeder.count - 6)
    }
  }

  @Test func itGoesOnOverUpgrades() throws {
    try Daemon.with { daemon in
      let id = try daemon.client().create(
        terminal("for i in 1 2 3 4 5 6 7 8; do seq 1 20000; sleep 0.2; done; read line; echo $line; exit 3"))
      for _ in 0..<3 { #expect(try daemon.control("upgrade").status == 0) }
      try daemon.client().feed(id, Array("typed\n".utf8), close: false)
      #expect(try daemon.client().end(of: id).exitCode == 3)
      let output = try daemon.client().output(id).stdout
      #expect(output.replacing("typed\r\n", with: "").utf8.elementsEqual(sequence(to: 20_000, times: 8)))
      #expect(output.hasSuffix("typed\r\n"))
    }
  }

  /// As much as a terminal holds is in the one that the keeper has.
  @Test func whatWasWrittenMeanwhileIsRead() throws {
    try Daemon.with { daemon in
      let go = Go(daemon.scratch)
      let id = try daemon.client().create(
        terminal("\(go.wait); seq 1 1000; exit 42"))
      let pid = try daemon.client().pid(of: id)
      try daemon.waitUntilHeld(1)
      try daemon.killSupervisor {
        try go()
        try Poll.until("the job's end") { !Processes.isAlive(pid) }
      }
      #expect(try daemon.client().end(of: id).exitCode == 42)
      #expect(try daemon.client().bytes(.stdout, id) == sequence(to: 1000, times: 1))
    }
  }

  @Test(arguments: [false, true]) func closingTheInputHangsItUp(adopted: Bool) throws {
    try Daemon.with { daemon in
      let id = try daemon.client().create(
        terminal("trap 'exit 7' HUP; echo ready; while :; do sleep 0.05; done"))
      try daemon.waitUntilHeld(1)
      if adopted { try daemon.killSupervisor() }
      try daemon.client().waitForOutput("ready", of: id)
      try daemon.client().feed(id, [], close: false)
      #expect(try daemon.client().status(id).status == .running)
      try daemon.client().feed(id, [], close: true)
      #expect(try daemon.client().end(of: id).exitCode == 7)
      #expect(try daemon.client().output(id).stdout == "ready\r\n")
    }
  }

  /// Of a job that goes on after it, and one whose supervisor is killed after it: it stays hung up.
  @Test func whatWasHungUpStaysSo() throws {
    try Daemon.with { daemon in
      let go = Go(daemon.scratch)
      let id = try daemon.client().create(
        terminal("trap '' HUP; echo ready; \(go.wait); echo lost; exit 8"))
      try daemon.waitUntilHeld(1)
      try daemon.client().waitForOutput("ready", of: id)
      try daemon.client().feed(id, [], close: true)
      try daemon.killSupervisor()
      #expect(try daemon.client().status(id).status == .running)
      #expect(throws: ClientError.self) { try daemon.client().feed(id, Array("x".utf8), close: false) }
      try go()
      #expect(try daemon.client().end(of: id).exitCode == 8)
      #expect(try daemon.client().output(id).stdout == "ready\r\n")
    }
  }

  @Test func manyLeaveNothingBehind() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let go = Go(daemon.scratch)
      let ids = try (0..<100).map { _ in
        try client.create(terminal("\(go.wait); tty"))
      }
      try daemon.waitUntilHeld(100)
      #expect(terminals(of: daemon.pid) == 100 && terminals(of: daemon.keeperPid) == 100)
      try go()
      let names = try ids.map { id in
        #expect(try client.end(of: id).exitCode == 0)
        return try client.output(id).stdout
      }
      #expect(Set(names).count == 100 && names.allSatisfy { $0.hasPrefix("/dev/pts/") })
      try daemon.waitUntilHeld(0)
      try Poll.until("the last terminal's end") {
        terminals(of: daemon.pid) == 0 && terminals(of: daemon.keeperPid) == 0
      }
    }
  }

  private func terminals(of pid: pid_t) -> Int {
    Files.list("/proc/\(pid)/fd").count {
      let target = Files.target("/proc/\(pid)/fd/\($0)")
      return target.hasSuffix("/ptmx") || target.hasPrefix("/dev/pts/")
    }
  }

  /// Of Linux 5.10: it goes on, and is not adopted after a kill, as on a file system that cannot splice.
  @Test(.enabled(if: geteuid() == 0)) func aKernelThatCannotSpliceFromATerminalLosesNothing() throws {
    try Daemon.with { daemon in
      let go = Go(daemon.scratch)
      let id = try daemon.client().create(
        terminal("\(go.wait); seq 1 3000; exit 6"))
      try daemon.waitUntilHeld(1)
      try daemon.withFaults("splice:error=EINVAL", thread: "jobd") {
        try go()
        #expect(try daemon.client().end(of: id).exitCode == 6)
      }
      #expect(try daemon.client().bytes(.stdout, id) == sequence(to: 3000, times: 1))
    }
  }

  @Test func aRunIsAnsweredWithItsOutput() throws {
    try Daemon.with { daemon in
      for (script, expected) in [
        ("printf done", Array("done".utf8)), ("seq 1 20000", sequence(to: 20_000, times: 1)),
      ] {
        let reply = try daemon.client().run(RunRequest(terminal(script), removes: true))
        #expect(reply.output?.stdout.utf8.elementsEqual(expected) == true && reply.output?.stderr == "")
      }
    }
  }
}

/// Types numbers from 1, a line each, until it is ended. What was not answered is sent again.
private final class Feeder: Sendable {
  private struct State {
    var count = 0
    var isOver = false
    var refusal: String?
  }
  private let state = Mutex(State())
  private let id: JobID

  init(_ id: JobID) { self.id = id }

  var count: Int { state.withLock { $0.count } }
  /// What was answered with anything but success.
  var refusal: String? { state.withLock { $0.refusal } }

  func end() { state.withLock { $0.isOver = true } }

  func run(_ connect: () -> JobClient) {
    var offset: UInt64 = 0
    while !state.withLock({ $0.isOver }) {
      let line = Array("\(count + 1)\n".utf8)
      do throws(ClientError) {
        try connect().feed(id, line, at: offset, close: false)
      } catch .status(_, let text, _) {
        return state.withLock { $0.refusal = text }
      } catch {
        continue
      }
      offset += UInt64(line.count)
      state.withLock { $0.count += 1 }
    }
  }
}

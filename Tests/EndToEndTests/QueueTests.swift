import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// Jobs that wait for a slot.
@Suite(.serialized) struct QueueTests {
  private static let oneSlot = ["--client-running-jobs", "1"]

  /// Holds a slot until a file is made.
  private struct Blocker {
    let id: JobID
    private let go: Go

    init(_ daemon: Daemon, _ client: JobClient, queue: String? = nil) throws {
      go = Go(daemon.scratch)
      var request = CreateRequest(cmd: "sh", args: ["-c", go.wait])
      request.queue = queue
      id = try client.create(request)
    }

    func end() throws { try go() }
  }

  /// A job that adds a line to a file.
  private func noting(_ text: String, in file: String) -> CreateRequest {
    CreateRequest(cmd: "sh", args: ["-c", "echo '\(text)' >> \(file)"])
  }

  /// A request finds the job as it is when its body has come.
  @Test func whatIsLaunchedMeanwhileIsSignalled() throws {
    try Daemon.with(Self.oneSlot) { daemon in
      let client = daemon.client()
      let blocker = try Blocker(daemon, client)
      let id = try client.shell("sleep 1000")
      let body = #"{"signal":"KILL"}"#
      let raw = try daemon.rawClient()
      // The head is handled before its interim reply is sent.
      try raw.send(
        "POST /jobs/\(id)/signal HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
      )
      #expect(try raw.reply().status == 100)
      _ = try client.stop(blocker.id, grace: DurationText("0s"))
      try Poll.until("its launch") { try client.detail(id).pid != nil }
      try raw.send(body)
      #expect(try raw.reply().status == 200)
      #expect(try client.end(of: id).exitCode == 137)
    }
  }

  @Test func whatIsBeyondTheSlotsWaitsAndIsLaunched() throws {
    try Daemon.with(Self.oneSlot) { daemon in
      let client = daemon.client()
      let blocker = try Blocker(daemon, client)
      let ids = try (0..<3).map { try client.shell("echo \($0)") }
      for (index, id) in ids.enumerated() {
        let status = try client.status(id)
        #expect(status.status == .running && status.queued == true)
        let detail = try client.detail(id)
        #expect(detail.queued == true && detail.ahead == index && detail.started == nil)
      }
      #expect(try client.status(blocker.id).queued == nil)
      #expect(
        try daemon.curl("GET", "/jobs?state=running&queued=0").text.components(separatedBy: "\"id\"") == 2)
      for target in ["log", "stdout", "output"] {
        #expect(try daemon.curl("GET", "/jobs/\(ids[0])/\(target)").status == 200, "what there is, at once")
      }
      #expect(try daemon.jobctl("logs", "\(ids[0])").status == 0)
      #expect(try daemon.jobctl("top", "--once", "--interval", "100ms").text.contains("1 job runs"))
      #expect(
        try daemon.curl("GET", "/jobs?state=queued").text.components(separatedBy: "\"queued\":true") == 4)
      #expect(try daemon.curl("GET", "/jobs?state=running").text.components(separatedBy: "\"id\"") == 5)
      #expect(
        try daemon.client("bob").run("/bin/true").1.exitCode == 0, "another client has slots of its own")
      #expect(try daemon.jobctl("ps").text.contains("queued"))
      #expect(
        try daemon.jobctl("ps", "-q", "--filter", "state=queued").text.split(separator: "\n").count == 3)
      #expect(try daemon.jobctl("status", "\(ids[0])").text.contains("queued"))
      try blocker.end()
      for (index, id) in ids.enumerated() {
        let status = try client.end(of: id)
        #expect(status.exitCode == 0 && status.queued == nil)
        #expect(try client.output(id).stdout == "\(index)\n")
      }
      let events = try daemon.curl("GET", "/events").text.split(separator: "\n").filter {
        $0.contains("\(ids[1])")
      }
      let kinds = ["created", "queued", "started", "finished"]
      #expect(events.count == 4 && zip(events, kinds).allSatisfy { $0.contains("\"\($1)\"") }, "\(events)")
    }
  }

  @Test func whoAsksForAJobThatWaitsIsToldOfItsEnd() throws {
    try Daemon.with(Self.oneSlot) { daemon in
      let client = daemon.client()
      let blocker = try Blocker(daemon, client)
      var request = CreateRequest(cmd: "cat")
      request.stdinOpen = true
      let id = try client.create(request)
      let wait = try daemon.startCurl("/jobs/\(id)/status?wait=60s")
      let follow = try daemon.startCurl("/jobs/\(id)/stdout?follow=1", ["-N"])
      let input = try daemon.startCurl(
        "/jobs/\(id)/stdin", ["-T", "-"], input: "to whom it may concern")
      let log = try daemon.startJobctl(["logs", "-f", "\(id)"])
      usleep(300_000)
      #expect(!wait.hasEnded && !follow.hasEnded && !input.hasEnded && !log.hasEnded)
      #expect(try daemon.curl("POST", "/jobs/\(id)/signal", body: #"{"signal":"TERM"}"#).status == 409)
      try blocker.end()
      #expect(try input.wait().status == 0)
      #expect(try follow.wait().text == "to whom it may concern")
      #expect(try wait.wait().text.contains("\"exit_code\":0"))
      #expect(try log.wait().text == "to whom it may concern")
    }
  }

  @Test func whatWasStartedIsNotTakenOutOfItsQueue() throws {
    try Daemon.with(Self.oneSlot) { daemon in
      let client = daemon.client()
      let blocker = try Blocker(daemon, client)
      let waiting = try client.create(CreateRequest(cmd: "true"))
      let refused = try daemon.curl("POST", "/jobs/\(blocker.id)/stop", body: #"{"queued":true}"#)
      #expect(
        refused.status == 409 && refused.text.contains("the job does not wait any more: it was started"))
      #expect(try client.stopQueued(blocker.id) == nil && client.status(blocker.id).status == .running)
      #expect(try client.stopQueued(waiting)?.errorMessage == "stopped while it waited")
      try blocker.end()
      #expect(try client.end(of: blocker.id).exitCode == 0)
      #expect(try client.stopQueued(blocker.id)?.exitCode == 0, "it has ended")
    }
  }

  @Test func aJobThatWaitsIsStoppedOrDeletedAtOnce() throws {
    try Daemon.with(Self.oneSlot) { daemon in
      let client = daemon.client()
      let blocker = try Blocker(daemon, client)
      let file = "\(daemon.scratch.path)/ran"
      let (stopped, deleted, other) = (
        try client.create(noting("a", in: file)), try client.create(noting("b", in: file)),
        try client.create(noting("c", in: file))
      )
      let status = try client.stop(stopped)
      #expect(
        status.status == .error && status.errorMessage == "stopped while it waited" && status.queued == nil)
      try client.delete(deleted)
      #expect(try daemon.curl("GET", "/jobs/\(deleted)").status == 404)
      #expect(try client.detail(other).ahead == 0)
      try blocker.end()
      #expect(try client.end(of: other).exitCode == 0)
      #expect(Files.text(file) == "c\n")
    }
  }

  /// Who is not patient enough to wait for a slot takes the job out of the queue.
  @Test(arguments: [SIGINT, SIGTERM]) func anInterruptedRunIsNotLaunched(signal: Int32) throws {
    try Daemon.with(Self.oneSlot) { daemon in
      let client = daemon.client()
      let blocker = try Blocker(daemon, client)
      let file = "\(daemon.scratch.path)/ran"
      let run = try daemon.startJobctl(["run", "touch", file])
      try Poll.until("the job to wait") { try client.list(["state": "queued"]).jobs.count == 1 }
      run.signal(signal)
      let done = try run.wait()
      #expect(done.status == 125 && done.errorText.contains("stopped while it waited"), "\(done.errorText)")
      try blocker.end()
      #expect(try client.end(of: blocker.id).exitCode == 0 && !Files.exists(file))
    }
  }

  /// Input that waits with its job keeps no daemon from ending.
  @Test func inputOfAJobThatWaitsHoldsNoEnd() throws {
    try Daemon.with(Self.oneSlot) { daemon in
      let client = daemon.client()
      _ = try Blocker(daemon, client)
      var request = CreateRequest(cmd: "cat")
      request.stdinOpen = true
      let id = try client.create(request)
      let input = try daemon.rawClient()
      let target = "/jobs/\(id)/stdin?offset=0&progress=100ms"
      try input.send("PUT \(target) HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx")
      #expect(try input.reply().status == 104)
      daemon.signal(SIGTERM)
      var status = 104
      while status == 104 { status = try input.reply().status }
      #expect(status == 503)
      #expect(try daemon.stop().status == 0)
    }
  }

  @Test func theHighestPriorityGoesFirstThenTheOldest() throws {
    try Daemon.with(Self.oneSlot) { daemon in
      let client = daemon.client()
      let blocker = try Blocker(daemon, client)
      let file = "\(daemon.scratch.path)/order"
      var last: [JobID] = []
      for (name, priority) in [("a", 0), ("b", 5), ("c", 5), ("d", -1), ("e", 100), ("f", 0)]
        as [(String, Int64)]
      {
        var request = noting(name, in: file)
        request.priority = priority
        last.append(try client.create(request))
      }
      let ahead = try last.map { try client.detail($0).ahead }
      #expect(ahead == [3, 1, 2, 5, 0, 4])
      try blocker.end()
      for id in last { _ = try client.end(of: id) }
      #expect(Files.text(file) == "e\nb\nc\na\nf\nd\n")
    }
  }

  @Test func aNamedQueueHasSlotsOfItsOwn() throws {
    try Daemon.with { daemon in
      let client = daemon.client()
      let blocker = try Blocker(daemon, client, queue: "deploy")
      var request = CreateRequest(cmd: "true")
      request.queue = "deploy"
      let waits = try client.create(request)
      #expect(try client.status(waits).queued == true)
      #expect(try client.run("/bin/true").1.exitCode == 0, "others of the client do not wait")
      let bob = daemon.client("bob")
      var elsewhere = request
      elsewhere.queue = "other"
      #expect(try client.end(of: client.create(elsewhere)).exitCode == 0)
      #expect(try bob.end(of: bob.create(request)).exitCode == 0)
      // The last number holds.
      request.queueSlots = 2
      let second = try client.create(request)
      #expect(try client.end(of: waits).exitCode == 0 && client.end(of: second).exitCode == 0)
      #expect(try client.status(blocker.id).status == .running)
      try blocker.end()
      let run = try daemon.jobctl(
        "run", "--queue", "deploy", "--queue-slots", "3", "--priority", "7", "echo", "done")
      #expect(run.text == "done\n")
    }
  }

  /// Whatever becomes of the daemon, what waits runs, and once.
  @Test(arguments: ["killed", "stopped", "its supervisor killed", "upgraded"])
  func whatWaitsOutlives(what: String) throws {
    let isReplaced = what == "upgraded"
    try Daemon.with(Daemon(Self.oneSlot, copiesBinary: isReplaced)) { daemon in
      let client = daemon.client()
      let blocker = try Blocker(daemon, client)
      let file = "\(daemon.scratch.path)/ran"
      var ids: [JobID] = []
      for number in 0..<100 {
        var request = CreateRequest(cmd: "sh", args: ["-c", "echo \(number); cat"])
        request.stdin = "input of \(number)\n"
        if number == 99 { request = noting("last", in: file) }
        ids.append(try client.create(request, key: "key \(number)"))
      }
      switch what {
      case "killed":
        daemon.kill()
        try daemon.start()
      case "stopped":
        #expect(try daemon.stop().status == 0)
        try daemon.start()
      case "upgraded": #expect(try daemon.control("upgrade").status == 0)
      default: try daemon.killSupervisor()
      }
      try blocker.end()
      let fresh = daemon.client()
      for (number, id) in ids.enumerated() where number < 99 {
        #expect(try fresh.end(of: id).exitCode == 0)
        #expect(try fresh.output(id).stdout == "\(number)\ninput of \(number)\n")
      }
      _ = try fresh.end(of: ids[99])
      #expect(
        try fresh.create(noting("last", in: file), key: "key 99") == ids[99], "the key is known as ever")
      #expect(Files.text(file) == "last\n")
    }
  }

  /// Of very many none is forgotten, none runs twice, and never more run than there are slots, while supervisors die.
  @Test func manyWaitWhileSupervisorsDie() throws {
    try Daemon.with(["--client-running-jobs", "4"]) { daemon in
      let client = daemon.client()
      let file = "\(daemon.scratch.path)/log"
      try Files.write([], to: file, mode: 0o666)
      let requests = (0..<600).map { number in
        CreateRequest(cmd: "sh", args: ["-c", "echo + \(number) >> \(file); echo - \(number) >> \(file)"])
      }
      let ids = try client.create(requests, key: "many").compactMap(\.id)
      #expect(ids.count == 600)
      for _ in 0..<3 {
        let before = Files.text(file).count
        try Poll.until("jobs to get on") { Files.text(file).count > before + 200 }
        try daemon.killSupervisor()
      }
      let ends = try ids.map { try daemon.client().end(of: $0) }
      let lines = Files.text(file).split(separator: "\n")
      var (running, most) = (0, 0)
      for line in lines {
        running += line.hasPrefix("+") ? 1 : -1
        most = max(most, running)
      }
      #expect(most <= 4, "never more than there are slots")
      let started = lines.filter { $0.hasPrefix("+") }
      #expect(Set(started).count == started.count, "none runs twice")
      // Those that were being launched when the supervisor was killed.
      let lost = ends.filter { $0.status == .error }
      #expect(lost.count <= 12 && lost.allSatisfy { $0.errorMessage?.contains("lost") == true }, "\(lost)")
      #expect(started.count >= 600 - lost.count)
    }
  }

  @Test func timeThatAJobWaitsIsNotPartOfItsTimeLimit() throws {
    try Daemon.with(Self.oneSlot) { daemon in
      let client = daemon.client()
      let blocker = try Blocker(daemon, client)
      var request = CreateRequest(cmd: "true")
      request.timeout = DurationText("3s")
      let id = try client.create(request)
      sleep(4)
      try blocker.end()
      let status = try client.end(of: id)
      #expect(status.exitCode == 0 && status.timedOut == nil)
    }
  }
}

extension String {
  /// How many parts there are between occurrences of a text.
  fileprivate func components(separatedBy text: String) -> Int {
    split(separator: text, omittingEmptySubsequences: false).count
  }
}

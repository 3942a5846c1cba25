import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// Daemons that know nothing of each other, and what one who uses several of them sees: docs/scaling.md.
@Suite(.serialized) struct SeveralDaemonsTests {
  private static let lost = "supervision of the job was lost: the daemon that ran it ended unexpectedly"

  @Test func jobsAndKeysAreOfTheDaemonThatTookThem() throws {
    try Hosts.with(3) { hosts in
      for host in hosts.all {
        #expect(Files.list(host.directory).sorted() == ["ca.crt", "server.crt", "server.key"])
      }
      let request = CreateRequest(cmd: "true")
      let ids = try hosts.all.map { try $0.daemon.client().create(request, key: "the same") }
      #expect(Set(ids).count == 3)
      for (host, id) in zip(hosts.all, ids) {
        #expect(try host.daemon.client().create(request, key: "the same") == id)
        for (other, its) in zip(hosts.all, ids) {
          let done = try hosts.jobctl(other.name, "wait", "\(id)")
          #expect(done.status == (its == id ? 0 : 123), "\(done.errorText)")
        }
      }
      try hosts.setProfile("wrong", server: hosts.all[1].port, is: hosts.all[0].name)
      #expect(try hosts.jobctl("wrong", "ps").status == 122)
    }
  }

  /// Nobody answers there: each command says so, and what the others run goes on.
  @Test func oneThatIsGoneIsTold() throws {
    try Hosts.with(3) { hosts in
      let gone = hosts.all[0]
      let go = "\(gone.directory)/go"
      let id = "\(try gone.daemon.client().shell("sleep 1000"))"
      let others = try hosts.all[1...].map { host in
        let id = try host.daemon.client().shell("until [ -e \(go) ]; do sleep 0.02; done; exit 5")
        return try hosts.start(host.name, ["wait", "\(id)"])
      }
      let stubborn = try gone.daemon.client().shell(
        "trap 'echo asked' TERM; echo up; while :; do sleep 0.02; done")
      try gone.daemon.client().waitForOutput("up", of: stubborn)
      let stopping = try hosts.start(gone.name, ["stop", "--grace", "10m", "\(stubborn)"])
      try gone.daemon.client().waitForOutput("asked", of: stubborn)
      gone.daemon.kill()
      #expect(try stopping.wait().status == 121)
      try Files.write(Array("true\n".utf8), to: "\(gone.directory)/lines")
      for command in [
        ["status", id], ["inspect", id], ["why", id], ["wait", id], ["logs", "-f", id], ["output", id],
        ["stop", id], ["signal", "TERM", id], ["rm", id], ["ps"], ["events"], ["runners"], ["run", "true"],
        ["run", "--rm", "true"], ["start", "true"], ["batch", "\(gone.directory)/lines"],
      ] {
        let done = try hosts.start(gone.name, command).wait()
        let words = "cannot connect to localhost port \(gone.port): Connection refused"
        #expect(done.status == 121 && done.errorText.contains(words), "\(command): \(done.errorText)")
      }
      try Files.write([], to: go)
      for other in others { #expect(try other.wait().status == 5) }
      // It clears away what it left: its jobs, and their cgroups.
      try gone.comeBack()
    }
  }

  /// Waits until a daemon has answered so many requests more than are asked here.
  private func waitForAnswers(_ count: Int, of daemon: Daemon, _ body: () throws -> Void) throws {
    let series: Substring = "jobd_http_requests_total{code=\"200\"}"
    let before = try Metrics(daemon)[series]
    try body()
    var own = 0.0
    try Poll.until("\(count) answers") {
      own += 1
      return try Metrics(daemon)[series] - before - own >= Double(count)
    }
  }

  /// What waits and follows goes on when the daemon comes back, and is told what became of its job.
  @Test func oneThatComesBackSaysWhatIsLost() throws {
    try Hosts.with(1, configuration: "{ clients: { alice: { role: \"operator\" } } }") { hosts in
      let host = hosts.all[0]
      let script = "echo begun; exec sleep 1000"
      let kept = try host.daemon.client().shell("echo kept")
      _ = try host.daemon.client().end(of: kept)
      let id = try host.daemon.client().shell(script)
      var waiting: [Running] = []
      try waitForAnswers(2, of: host.daemon) {
        waiting = try [["wait"], ["status", "--wait", "10m"]].map {
          try hosts.start(host.name, $0 + ["\(id)"])
        }
      }
      let following = try [["logs", "-f", "\(id)"], ["run", "sh", "-c", script]].map {
        try hosts.start(host.name, $0)
      }
      for follower in following { try Poll.until("output") { follower.text == "begun\n" } }
      host.daemon.kill()
      try host.comeBack()
      let ends = try (waiting + following).map { try $0.wait() }
      #expect(ends.map(\.status) == [125, 0, 0, 125], "\(ends.map(\.errorText))")
      for text in ends[..<2].map(\.text) + [ends[3].errorText] {
        #expect(text.contains(Self.lost), "\(text)")
      }
      for end in ends[2...] { #expect(end.text == "begun\n") }
      #expect(try hosts.jobctl(host.name, "output", "\(kept)").text == "kept\n")
    }
  }

  @Test func aBatchGoesOnWithTheDaemonThatComesBack() throws {
    try Hosts.with(2) { hosts in
      let (host, other) = (hosts.all[0], hosts.all[1])
      let batch = BatchFixture(host.daemon)
      try batch.write([batch.noting(1), batch.waiting(2), batch.noting(3)])
      let arguments = ["batch", "-j", "1", "--keep-going", "--key", "nightly", batch.commands]
      let begun = try hosts.start(host.name, arguments)
      try Poll.until("line 2 to run") { batch.ran == [1, 2] }
      // Not at once: jobctl would go on with the daemon that comes back.
      begun.signal(SIGTERM)
      #expect(try begun.wait().errorText.contains("--key nightly"))
      host.daemon.kill()
      try host.comeBack()
      let again = try hosts.start(host.name, arguments).wait()
      #expect(again.status == 1 && again.errorText.contains("line 2 failed: "), "\(again.errorText)")
      #expect(again.errorText.contains(Self.lost) && batch.ran == [1, 2, 3])
      try batch.open()
      #expect(try hosts.start(host.name, arguments + ["--retry", "1"]).wait().status == 0)
      #expect(batch.ran == [1, 2, 3, 2], "what ended and what was never lost does not run again")
      #expect(try hosts.start(other.name, arguments).wait().status == 0)
      #expect(batch.ran == [1, 2, 3, 2, 1, 2, 3], "another daemon knows nothing of the key")
    }
  }

  /// As where the disk of a host that is gone is attached to another.
  @Test func theStateOfOneThatIsGoneCanBeServedByAnother() throws {
    try Hosts.with(1, configuration: "{ client_running_jobs: 1 }") { hosts in
      let gone = hosts.all[0]
      let kept = try gone.daemon.client().shell("echo kept")
      _ = try gone.daemon.client().end(of: kept)
      let lost = try gone.daemon.client().shell("exec sleep 1000")
      let waits = try gone.daemon.client().shell("exit 4")
      gone.daemon.kill()
      try Daemon.with(Daemon(gone.options, state: gone.daemon.state)) { successor in
        try hosts.setProfile(gone.name, server: successor.port, is: gone.name)
        #expect(try hosts.jobctl(gone.name, "output", "\(kept)").text == "kept\n")
        #expect(try hosts.jobctl(gone.name, "wait", "\(lost)").text.contains(Self.lost))
        #expect(try hosts.jobctl(gone.name, "wait", "\(waits)").status == 4)
      }
    }
  }

  @Test func whoIsRevokedIsOutEverywhere() throws {
    try Hosts.with(3) { hosts in
      let following = try hosts.all.map { host in
        let id = try host.daemon.client().shell("echo begun; exec sleep 1000")
        return try hosts.start(host.name, ["logs", "-f", "\(id)"])
      }
      for follower in following { try Poll.until("output") { follower.text == "begun\n" } }
      try hosts.revokeAlice()
      for follower in following { #expect(try follower.wait().status == 122) }
      for host in hosts.all {
        #expect(try hosts.jobctl(host.name, "ps").status == 122)
        #expect(try host.daemon.jobctl("ps", as: "bob").status == 0)
      }
    }
  }
}

import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// What a job gets does not depend on who started the daemon.
@Suite(.serialized, .enabled(if: geteuid() == 0)) struct InheritanceTests {
  /// All that a process has from its parent, as far as a shell can tell.
  private static let look = """
    umask; nice; ionice -p $$; taskset -p $$ | sed 's/.*: //'; chrt -p $$ | sed 's/.*current//'
    cat /proc/self/limits | grep -E 'core|file size|cpu time|open files'; cat /proc/self/oom_score_adj
    grep -E '^(Groups|Sig(Blk|Ign)|NoNewPrivs|Seccomp|Cap)' /proc/self/status; cat /proc/self/personality
    ls -l /proc/self/fd | wc -l; env | grep -v JOBD_JOB_ID | sort; id -G; pwd
    """

  private func seen(under: [String], user: String? = nil) throws -> String {
    var text = ""
    Daemon.with(try Daemon(under: under)) { daemon in
      var request = CreateRequest(cmd: "sh", args: ["-c", Self.look])
      request.user = user
      let id = try daemon.client().create(request)
      #expect(try daemon.client().end(of: id).exitCode == 0)
      text = try daemon.client().output(id).stdout
    }
    return text
  }

  @Test(arguments: [nil, "nobody"]) func aHostileParentLeavesNoTrace(user: String?) throws {
    let hostile = [
      "setpriv", "--groups", "4,20,33", "--", "sh", "-c",
      """
      trap '' HUP INT QUIT TERM USR1 CHLD PIPE; umask 077; ulimit -Sc unlimited; ulimit -Sf 4000000; ulimit -St 5000
      ulimit -Sn 4000; cd /tmp; export LC_ALL=C HOME=/tmp EVIL=1; echo 300 > /proc/self/oom_score_adj
      exec nice -n 7 ionice -c 3 taskset 1 chrt -b 0 setarch -R "$@" 9</etc/hostname
      """, "sh",
    ]
    let (plain, other) = (try seen(under: [], user: user), try seen(under: hostile, user: user))
    #expect(plain == other)
    #expect(plain.hasPrefix("0022\n0\n"), "\(plain)")
    #expect(plain.contains("Max open files            1024"))
  }

  /// Whatever keeps the processors busy.
  @Test func theApiProcessHasALargerShareThanJobs() throws {
    let scratch = try Scratch()
    defer { scratch.remove() }
    func text(_ command: String...) throws -> String {
      try Running(command[0], Array(command[1...]), directory: scratch).wait().text.filter {
        !$0.isWhitespace
      }
    }
    // Where root may not raise it, in some containers, all have the same.
    let most = try text("nice", "-n", "-40", "nice") == "-20" ? "-5" : text("nice")
    try Daemon.with { daemon in
      #expect(try text("ps", "-o", "ni=", "-p", "\(daemon.apiPid)") == most)
      #expect(try text("ps", "-o", "ni=", "-p", "\(daemon.pid)") == (most == "-5" ? "0" : most))
      let job = try daemon.client().create(CreateRequest(cmd: "nice"))
      #expect(try daemon.client().end(of: job).exitCode == 0)
      #expect(try daemon.client().output(job).stdout == (most == "-5" ? "0\n" : "\(most)\n"))
    }
  }

  /// Until its program runs a job shares the supervisor's memory, and the kernel takes processes that do for one.
  @Test func aJobsOomScoreIsItsAlone() throws {
    let protected = ["sh", "-c", "echo 300 >/proc/self/oom_score_adj; exec \"$@\"", "sh"]
    Daemon.with(try Daemon(under: protected)) { daemon in
      let client = daemon.client()
      let request = CreateRequest(cmd: "cat", args: ["/proc/self/oom_score_adj"])
      for id in try (0..<8).map({ _ in try client.create(request) }) {
        #expect(try client.end(of: id).exitCode == 0)
        #expect(try client.output(id).stdout == "0\n")
      }
      #expect(Files.text("/proc/\(daemon.pid)/oom_score_adj") == "300\n")
    }
  }

  @Test func aUsersJobHasWhatThatUserHas() throws {
    try Daemon.with { daemon in
      var request = CreateRequest(cmd: "sh", args: ["-c", "echo $HOME $USER $LOGNAME $SHELL; id -un; id -G"])
      request.user = "daemon"
      let id = try daemon.client().create(request)
      #expect(try daemon.client().end(of: id).exitCode == 0)
      let groups = try Running("id", ["-G", "daemon"], directory: daemon.scratch).wait().text
      #expect(
        try daemon.client().output(id).stdout
          == "/usr/sbin daemon daemon /usr/sbin/nologin\ndaemon\n\(groups)")
    }
  }

  @Test func itsStreamsCanBeOpenedByName() throws {
    try Daemon.with { daemon in
      for merge in [false, true] {
        var request = CreateRequest(
          cmd: "sh", args: ["-c", "read a < /dev/stdin; echo $a > /dev/stdout; echo e | tee /dev/stderr"])
        (request.user, request.stdinOpen, request.merge) = ("nobody", true, merge)
        let id = try daemon.client().create(request)
        try daemon.client().feed(id, Array("in\n".utf8), at: 0, close: true)
        #expect(try daemon.client().end(of: id).exitCode == 0)
        #expect(try daemon.client().output(id).stdout == (merge ? "in\ne\ne\n" : "in\ne\n"))
      }
    }
  }

  @Test func whoIsNotThereIsNamed() throws {
    try Daemon.with { daemon in
      for (user, words) in [
        ("nosuchuser", "there is no user"), ("+0", "there is no user"),
        ("4294967294", "there is no user with the number"),
      ] {
        let reply = try daemon.curl("PUT", "/jobs", body: "{\"cmd\":\"true\",\"user\":\"\(user)\"}")
        #expect(reply.status == 400 && reply.text.contains(words), "\(reply.text)")
      }
      let reply = try daemon.curl("PUT", "/jobs", body: #"{"cmd":"true","group":"nosuchgroup"}"#)
      #expect(reply.status == 400 && reply.text.contains("there is no group"), "\(reply.text)")
    }
  }

  /// One that is stopped takes TERM as it goes on, and has its grace.
  @Test(arguments: ["true", "false"]) func aStoppedJobGetsItsTerm(cgroup: String) throws {
    try Daemon.with(["--cgroup", cgroup]) { daemon in
      let id = try daemon.client().shell(
        "trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.02; done")
      try Poll.until("the trap") { try daemon.client().output(id).stdout == "up\n" }
      try daemon.client().signal(id, SignalRequest(signal: SignalName("STOP")!))
      #expect(try daemon.client().stop(id, grace: DurationText("60s")).exitCode == 3)
    }
  }
}

import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// Programs that people run on terminals, by `jobctl run -t` in a terminal that shows them.
@Suite(.serialized) struct TmuxTests {
  @Test func bashWithJobControlAndHistory() throws {
    try Daemon.with { daemon in
      let tmux = try Tmux(daemon, "run", "-it", "--env", "PS1=READY ", "bash", "--norc", "--noprofile")
      try tmux.expect("READY")
      try tmux.type("echo $((6*7)) 'no job'")
      try tmux.expect("\n42 no job")
      #expect(try !tmux.screen.contains("no job control"))
      try tmux.type("sleep 1000")
      try tmux.expect("sleep 1000")
      try tmux.keys("C-z")
      try tmux.expect("Stopped")
      try tmux.type("jobs; fg")
      try tmux.expect("it in the foreground") { $0.count(of: "sleep 1000") >= 4 }
      try tmux.keys("C-c")
      try tmux.type("echo \"code $?\"")
      try tmux.expect("\ncode 130")
      try tmux.type("clear")
      try tmux.expect("an empty window") { $0.hasPrefix("READY") && $0.count(of: "READY") == 1 }
      // Also the key that leaves together with another, which is history's.
      try tmux.keys("C-p", "C-p")
      try tmux.expect("READY echo \"code $?\"")
      try tmux.keys("Enter")
      try tmux.expect("\ncode 0")
      try tmux.type("exit 5")
      try tmux.expectEnd(5)
    }
  }

  @Test func anEditorIsLeftAndTakenUp() throws {
    try Daemon.with { daemon in
      let file = daemon.scratch.fresh("text")
      let tmux = try Tmux(daemon, "run", "-t", "vi", "-u", "NONE", "-N", file)
      try tmux.expect("\n~\n~")
      try tmux.keys("i")
      try tmux.type("first line")
      try tmux.keys("Escape")
      try tmux.expect("first line")
      try tmux.keys("C-p", "C-q")
      try tmux.expectEnd(0)
      #expect(try !tmux.screen.contains("\n~\n~"), "its screen is left with it")
      let id = try daemon.onlyJob().id
      let other = try Tmux(daemon, "attach", "\(id)")
      try other.expect("first line")
      try other.resize(60, 20)
      try other.expect("a redrawn screen") { $0.hasPrefix("first line") && $0.count(of: "\n~") == 17 }
      try other.keys("Escape")
      try other.type(":wq")
      try other.expectEnd(0)
      #expect(Files.text(file) == "first line\n\n")
    }
  }

  /// What the terminal would answer to what the job asked before it was taken up is nothing that was typed.
  @Test func nothingIsTypedByTheTerminalItself() throws {
    try Daemon.with { daemon in
      let gate = daemon.scratch.fresh("gate")
      // Asks while nobody looks, and later once more.
      let script = """
        stty raw -echo; printf 'asked \\033[6n\\033[c\\033[>q\\033]11;?\\007 all\\r\\n'
        until [ -e \(gate) ]; do sleep 0.05; done
        printf 'again \\033[5n'; head -c 4 | od -An -c
        """
      let id = try daemon.jobctl("start", "--tty", "sh", "-c", script).text.filter { $0 != "\n" }
      try Poll.until("its questions") { try daemon.jobctl("logs", id).text.contains("all") }
      let looker = try Tmux(daemon, "attach", "-n", id)
      try looker.expect("asked  all")
      let tmux = try Tmux(daemon, "attach", id)
      try tmux.expect("asked  all")
      #expect(try daemon.client().detail(JobID(id)!).stdinBytes ?? 0 == 0)
      try Files.write([], to: gate)
      try tmux.expect("033   [   0   n")
      try tmux.expectEnd(0)
      try looker.expectEnd(0)
    }
  }

  /// A wrong password is enough to see that it is asked for on the job's terminal, and not shown.
  @Test(.enabled(if: geteuid() == 0, "jobs of other users are the superuser's")) func sudoAsksForAPassword()
    throws
  {
    try Daemon.with { daemon in
      let tmux = try Tmux(
        daemon, "run", "-t", "--user", "nobody", "--env", "LC_ALL=C", "sudo", "-k", "-p", "PASSWORD>", "id")
      try tmux.expect("PASSWORD>")
      try tmux.type("notshown")
      try tmux.expect("try again")
      try tmux.expect("it to be asked for again") { $0.count(of: "PASSWORD>") == 2 }
      #expect(try !tmux.screen.contains("notshown"))
      try tmux.keys("C-c")
      try tmux.expectEnd(1)
    }
  }

  @Test func topAndPython() throws {
    try Daemon.with { daemon in
      let top = try Tmux(daemon, "run", "-t", "top", "-d", "0.5")
      try top.expect("load average")
      try top.keys("q")
      try top.expectEnd(0)
      let python = try Tmux(daemon, "run", "-t", "python3", "-q")
      try python.expect(">>>")
      try python.type("print('x' * 3, 6 * 7)")
      try python.expect("\nxxx 42")
      try python.keys("C-c")
      try python.expect("KeyboardInterrupt")
      try python.keys("C-d")
      try python.expectEnd(0)
    }
  }
}

extension String {
  fileprivate func count(of text: String) -> Int {
    split(separator: text, omittingEmptySubsequences: false).count - 1
  }
}

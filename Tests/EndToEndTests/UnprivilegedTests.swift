import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// A daemon that is not started by root.
@Suite(.serialized) struct UnprivilegedTests {
  @Test func itsJobsSurviveIt() throws {
    let user = try UnprivilegedUser()
    defer { user.scratch.remove() }
    try Daemon.with(user.options, limits: ["--nofile=4096"] + user.prefix) { daemon in
      let id = try daemon.client().shell("for i in 1 2 3 4; do echo $i; sleep 1; done; exit 5")
      try daemon.waitUntilHeld(1)
      for _ in 0..<2 { try daemon.killSupervisor() }
      for pid in [daemon.keeperPid, daemon.pid] {
        #expect(Processes.status(pid, "Uid").hasPrefix("\(user.id)\t"))
      }
      #expect(try daemon.client().end(of: id).exitCode == 5)
      #expect(try daemon.client().output(id).stdout == "1\n2\n3\n4\n")
    }
  }

  @Test func itServesAsThatUserAndItsApiProcessIsConfined() throws {
    let user = try UnprivilegedUser()
    defer { user.scratch.remove() }
    try Daemon.with(user.options, limits: ["--nofile=4096"] + user.prefix) { daemon in
      let client = daemon.client()
      let (id, status) = try client.run("id", "-u")
      #expect(status.exitCode == 0)
      #expect(try client.output(id).stdout == "\(user.id)\n")
      for pid in [daemon.pid, daemon.apiPid] {
        let ids = Processes.status(pid, "Uid").split(separator: "\t").compactMap { uid_t($0) }
        #expect(ids == Array(repeating: user.id, count: 4))
      }
      #expect(Processes.status(daemon.apiPid, "NoNewPrivs") == "1")
      #expect(Processes.status(daemon.apiPid, "Seccomp") == "2")
      let refused = try daemon.curl("PUT", "/jobs", body: #"{"cmd":"id","user":"root"}"#)
      #expect(refused.status == 403)
    }
  }

  @Test func itsOwnUserIsOneThatJobsMayBeBoundTo() throws {
    let user = try UnprivilegedUser()
    defer { user.scratch.remove() }
    let options = user.options + ["--client-users", "\(user.id)"]
    try Daemon.with(options, limits: ["--nofile=4096"] + user.prefix) { daemon in
      #expect(try daemon.client().run("id", "-u").1.exitCode == 0)
      let refused = try daemon.curl("PUT", "/jobs", body: #"{"cmd":"id","user":"root"}"#)
      #expect(refused.status == 403)
    }
  }

  /// A file of output that is elsewhere stands for any file of the user.
  @Test func itsApiProcessReadsNothingOutsideOfTheState() throws {
    let user = try UnprivilegedUser()
    defer { user.scratch.remove() }
    try Daemon.with(user.options, limits: ["--nofile=4096"] + user.prefix) { daemon in
      let client = daemon.client()
      let (id, _) = try client.run("echo", "output")
      #expect(try client.output(id).stdout == "output\n")
      let shard = "\(user.scratch.path)/state/output/\("\(id)".suffix(2))"
      #expect(rename(shard, "\(user.scratch.path)/elsewhere") == 0)
      #expect(symlink("\(user.scratch.path)/elsewhere", shard) == 0)
      // What it cannot read it says is missing.
      #expect((try? client.output(id).stdout) == (Landlock.isThere ? nil : "output\n"))
    }
  }
}

import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// A daemon that is not started by root.
@Suite(.serialized) struct UnprivilegedTests {
  /// A user without rights: the one who runs the tests, or nobody when that is root.
  private struct User {
    let scratch: Scratch
    let prefix: [String]
    let id: uid_t

    init() throws {
      scratch = try Scratch()
      let nobody: uid_t = 65534
      id = geteuid() == 0 ? nobody : geteuid()
      prefix = geteuid() == 0 ? ["setpriv", "--reuid=\(nobody)", "--regid=\(nobody)", "--clear-groups"] : []
      let shared = try Pki.shared.get().directory
      for name in ["server.crt", "server.key", "ca.crt"] {
        try Files.write(Files.read("\(shared)/\(name)"), to: "\(scratch.path)/\(name)")
        chown("\(scratch.path)/\(name)", id, .max)
      }
      try Files.write(Array("{}".utf8), to: "\(scratch.path)/jobd.json5", mode: 0o644)
      chown(scratch.path, id, .max)
    }

    var options: [String] {
      [
        "--state-directory", "\(scratch.path)/state", "--certificate-file", "\(scratch.path)/server.crt",
        "--key-file", "\(scratch.path)/server.key", "--client-ca-file", "\(scratch.path)/ca.crt", "--config",
        "\(scratch.path)/jobd.json5",
      ]
    }
  }

  @Test func itsJobsSurviveIt() throws {
    let user = try User()
    defer { user.scratch.remove() }
    try ManagedDaemon.with(user.options, limits: ["--nofile=4096"] + user.prefix) { managed in
      let id = try managed.client().shell("for i in 1 2 3 4; do echo $i; sleep 1; done; exit 5")
      try managed.waitUntilHeld(id)
      for _ in 0..<2 { try managed.killSupervisor() }
      #expect(Processes.status(managed.manager.mainPid, "Uid").hasPrefix("\(user.id)\t"))
      #expect(try managed.client().end(of: id).exitCode == 5)
      #expect(try managed.client().output(id).stdout == "1\n2\n3\n4\n")
    }
  }

  @Test func itServesAsThatUserAndItsApiProcessIsConfined() throws {
    let user = try User()
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
}

import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// Whose the state is, and who may not get at it.
@Suite(.serialized, .enabled(if: geteuid() == 0)) struct StateOwnerTests {
  private func start(_ state: String, _ scratch: Scratch, environment: [String: String] = [:]) throws
    -> Finished
  {
    let options =
      ["--listen", "127.0.0.1:0", "--state-directory", state] + (try Pki.shared.get().serverOptions)
    return try Running(Programs.jobd, options, environment: environment, directory: scratch).wait()
  }

  @Test func theStateOfAnotherUserIsNotUsed() throws {
    let scratch = try Scratch()
    defer { scratch.remove() }
    let state = "\(scratch.path)/state"
    #expect(mkdir(state, 0o700) == 0 && chown(state, 1, 1) == 0)
    let done = try start(state, scratch)
    #expect(done.status == 1)
    #expect(
      done.errorText.contains("belongs to the user daemon, and this jobd runs as root"), "\(done.errorText)"
    )
    #expect(Files.list(state).isEmpty)
  }

  @Test func aLockThatIsALinkIsNotFollowed() throws {
    let scratch = try Scratch()
    defer { scratch.remove() }
    let (state, victim) = ("\(scratch.path)/state", "\(scratch.path)/victim")
    try Files.write(Array("precious".utf8), to: victim)
    #expect(mkdir(state, 0o700) == 0 && symlink(victim, "\(state)/lock") == 0)
    let done = try start(state, scratch)
    #expect(done.status == 1 && done.errorText.contains("\(state)/lock"), "\(done.errorText)")
    #expect(Files.text(victim) == "precious")
  }

  /// It could read what all clients' jobs have written.
  @Test func noJobRunsAsTheUserOfTheApiProcess() throws {
    try Daemon.with { daemon in
      for user in ["backup", "34"] {
        let refused = try daemon.curl("PUT", "/jobs", body: "{\"cmd\":\"id\",\"user\":\"\(user)\"}")
        #expect(refused.status == 403 && refused.text.contains("no job runs as the user"), "\(refused.text)")
      }
      let group = try daemon.curl("PUT", "/jobs", body: #"{"cmd":"id","user":"nobody","group":"backup"}"#)
      #expect(group.status == 403 && group.text.contains("no job has the group"), "\(group.text)")
      #expect(try daemon.curl("PUT", "/jobs", body: #"{"cmd":"id","user":"nobody"}"#).status == 200)
    }
  }

  @Test func belowAServiceManagerTheApiProcessIsNotNobody() throws {
    let scratch = try Scratch()
    defer { scratch.remove() }
    let manager = ["NOTIFY_SOCKET": "\(scratch.path)/notify", "JOBD_USER": "nobody"]
    let done = try start("\(scratch.path)/state", scratch, environment: manager)
    #expect(done.status == 1 && done.errorText.contains("useradd --system jobd"), "\(done.errorText)")
  }
}

import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// Which users and groups the jobs of a client may have.
@Suite(.serialized, .enabled(if: geteuid() == 0)) struct UserPolicyTests {
  private func with(_ clients: String, _ body: (Daemon) throws -> Void) throws {
    try Daemon.with(Daemon(configuration: "{ clients: { \(clients) } }"), body)
  }

  @Test func eachWayToCreateHasTheFirstUser() throws {
    try with("alice: { users: ['nobody', 'daemon'] }") { daemon in
      for (user, expected) in [(nil, "nobody"), ("daemon", "daemon"), ("1", "daemon")] as [(String?, String)]
      {
        let body = #"{"cmd":"id","args":["-un"]\#(user.map { #","user":"\#($0)""# } ?? "")}"#
        for (method, path, body) in [
          ("POST", "/jobs:run", body), ("POST", "/jobs:batch?run=1", #"{"jobs":[\#(body)]}"#),
        ] {
          let reply = try daemon.curl(method, path, body: body)
          #expect(reply.status == 200 && reply.text.contains(#""stdout":"\#(expected)\n""#), "\(reply.text)")
        }
        let id = try #require(
          try daemon.curl("PUT", "/jobs", body: body).text.split(separator: "\"").last { $0.count == 36 })
        let job = try #require(JobID(String(id)))
        _ = try daemon.client().end(of: job)
        #expect(try daemon.client().output(job).stdout == "\(expected)\n")
        #expect(try daemon.client().detail(job).user == user ?? "nobody")
      }
      #expect(try daemon.client("bob").run("id", "-un").1.exitCode == 0)
    }
  }

  @Test func otherUsersAndGroupsAreRefused() throws {
    try with("alice: { users: ['nobody'] }") { daemon in
      func refusal(_ members: String, as client: String = "alice") throws -> String {
        let reply = try daemon.curl("PUT", "/jobs", as: client, body: #"{"cmd":"true",\#(members)}"#)
        #expect(reply.status == (client == "alice" ? 403 : 200))
        return reply.text
      }
      for (user, name) in [("root", "root"), ("0", "root"), ("no-such-user", "no-such-user")] {
        let text = try refusal(#""user":"\#(user)""#)
        #expect(text.contains(#"user: yours are nobody, and not \"\#(name)\""#), "\(text)")
      }
      let text = try refusal(#""group":"disk""#)
      #expect(text.contains(#"group: those of the user \"nobody\" are nogroup"#), "\(text)")
      let done = try daemon.curl("POST", "/jobs:run", body: #"{"cmd":"id","args":["-gn"],"group":"nogroup"}"#)
      #expect(done.text.contains(#""stdout":"nogroup\n""#), "\(done.text)")
      _ = try refusal(#""user":"root","group":"disk""#, as: "bob")
    }
  }

  @Test func usersThatThereAreNotAreFoundOutBefore() throws {
    let scratch = try Scratch()
    defer { scratch.remove() }
    let file = "\(scratch.path)/jobd.json5"
    for (users, words) in [
      ("['nobody', 'no-such-user']", "\"al*\": users: there is no user"),
      ("'backup'", "the api process's user"),
    ] {
      try Files.write(Array("{ user: 'backup', clients: { 'al*': { users: \(users) } } }".utf8), to: file)
      let done = try Running(Programs.jobd, ["check-config", "--config", file], directory: scratch).wait()
      #expect(done.status == 1 && done.errorText.contains(words), "\(done.errorText)")
    }
  }

  /// It was created under another policy.
  @Test func whoWaitedIsLookedAtAgain() throws {
    try with("alice: { running_jobs: 1 }") { daemon in
      let client = daemon.client()
      let first = try client.shell("sleep 1000")
      var request = CreateRequest(cmd: "true")
      let nobodys = try client.create(request)
      request.user = "nobody"
      let allowed = try client.create(request)
      try daemon.configure("{ clients: { alice: { running_jobs: 1, users: ['nobody'] } } }")
      #expect(try daemon.control("reload").status == 0)
      try client.delete(first)
      #expect(try client.end(of: allowed).exitCode == 0)
      let refused = try client.end(of: nobodys)
      let why = "it waited, and may not be started any more: user: yours are nobody, and not \"root\""
      #expect(refused.errorMessage == why)
    }
  }
}

import FoundationEssentials
import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// Each route, as each role, with one's own job and with another client's.
@Suite(.serialized) struct RoleTests {
  private static let names = ["ann", "vera", "olga"]
  private static let roles =
    "{ clients: { vera: { role: 'viewer' }, olga: { role: 'operator' } } }"

  /// Jobs of everybody from before there were roles: a viewer has none of its own else.
  private func with(_ body: (Daemon, _ jobs: [String: [JobID]]) throws -> Void) throws {
    try Daemon.with(Daemon([])) { daemon in
      var request = CreateRequest(cmd: "cat")
      request.stdinOpen = true
      var jobs: [String: [JobID]] = [:]
      for name in Self.names + ["bob"] {
        if name != "bob" { try daemon.pki.add(client: name) }
        let many = Array(repeating: request, count: 40)
        jobs[name] = try daemon.client(name).create(many).map { try #require($0.id) }
      }
      try Poll.until("all to run") {
        try jobs.allSatisfy { name, ids in
          try daemon.client(name).list(["state": "running", "limit": "1000"]).jobs.count { $0.pid != nil }
            == ids.count
        }
      }
      try daemon.configure(Self.roles)
      let done = try Running(
        Programs.jobd, ["reload", "--state-directory", daemon.state], directory: daemon.scratch
      ).wait()
      try #require(done.status == 0, "\(done.errorText)")
      try body(daemon, jobs)
    }
  }

  /// A request that succeeds where it is allowed.
  private func ask(_ daemon: Daemon, _ route: Route, _ id: JobID, as name: String) throws -> CurlReply {
    let body: String? =
      switch route {
      case .create, .run: #"{"cmd":"true"}"#
      case .batch: #"{"jobs":[{"cmd":"true"}]}"#
      case .signal: #"{"signal":"KILL"}"#
      case .stop: #"{"grace":"0s"}"#
      case .stdin: "x"
      case .resize: #"{"rows":40,"columns":120}"#
      default: nil
      }
    let target =
      route == .pageFile ? "/page/main.js" : route.namesJob ? route.target(id) : route.target()
    return try daemon.curl(route.method, target, as: name, body: body)
  }

  /// What is answered, by role: with one's own job, or for a route that names none; and with another's.
  private static func expected(_ route: Route) -> [String: (own: Int, others: Int)] {
    switch route {
    case .status, .output, .stdout, .stderr, .log, .detail:
      ["ann": (200, 404), "vera": (200, 200), "olga": (200, 200)]
    case .signal, .stop, .delete: ["ann": (200, 404), "vera": (403, 403), "olga": (200, 200)]
    // Of a job without a terminal.
    case .resize: ["ann": (409, 404), "vera": (403, 403), "olga": (409, 403)]
    case .stdin: ["ann": (200, 404), "vera": (403, 403), "olga": (200, 403)]
    case .create, .batch, .run: ["ann": (200, 200), "vera": (403, 403), "olga": (200, 200)]
    case .metrics: ["ann": (403, 403), "vera": (200, 200), "olga": (200, 200)]
    case .list, .events, .runners, .description, .page, .pageFile:
      ["ann": (200, 200), "vera": (200, 200), "olga": (200, 200)]
    }
  }

  @Test func everyRouteAsEveryRole() throws {
    try with { daemon, jobs in
      for (name, place) in zip(Self.names, 0...) {
        for (number, route) in Route.allCases.enumerated() {
          let expected = Self.expected(route)[name]!
          let own = try ask(daemon, route, jobs[name]![number], as: name)
          #expect(own.status == expected.own, "\(name): own \(route)")
          let other = jobs["bob"]![13 * place + number % 13]
          let others = try ask(daemon, route, other, as: name)
          #expect(others.status == expected.others, "\(name): \(route) of another's")
          for reply in [own, others] where reply.status == 403 {
            #expect(reply.text.contains("your role, "), "\(name): \(route) \(reply.text)")
          }
        }
      }
    }
  }

  @Test func listsAndEventsOfOthers() throws {
    try with { daemon, jobs in
      for name in Self.names {
        let isOwner = name == "ann"
        for (path, status) in [
          ("/jobs?client=bob", 200), ("/jobs?client=*", 200), ("/events?client=bob", 200),
          ("/jobs?client=nobody", 404), ("/events?client=nobody", 404), ("/events?client=*", 400),
          ("/events?client=*&after=1", 400), ("/events?client=*&after=now", 200),
        ] {
          let reply = try daemon.curl("GET", path, as: name)
          #expect(reply.status == (isOwner ? 403 : status), "\(name) \(path)")
        }
        #expect(try daemon.curl("GET", "/jobs?client=\(name)", as: name).status == 200)
        #expect(
          try daemon.client(name).list().role == (isOwner ? nil : name == "vera" ? "viewer" : "operator"))
        let own = try daemon.client(name).list(["limit": "1"]).jobs[0]
        #expect(own.client == (isOwner ? nil : name))
      }
      let olga = daemon.client("olga")
      #expect(try olga.list(["client": "bob", "limit": "1000"]).jobs.map(\.id) == jobs["bob"]!.reversed())
      var (all, cursor): ([JobDetail], String?) = ([], nil)
      repeat {
        let page = try olga.list(["client": "*", "limit": "7", "state": "running", "cursor": cursor])
        all += page.jobs
        cursor = page.next
      } while cursor != nil
      #expect(all.map(\.id) == jobs.values.flatMap { $0 }.sorted(by: >))
      #expect(all.allSatisfy { job in jobs[job.client ?? ""]?.contains(job.id) == true })
      #expect(try olga.detail(jobs["bob"]![0]).client == "bob")
    }
  }

  /// From now on, each client's in their order, and whose each is.
  @Test(arguments: ["vera", "olga"]) func eventsOfAllClientsAreFollowed(name: String) throws {
    try with { daemon, _ in
      let connection = try Connection(daemon.client(name).settings)
      try connection.send("GET", Route.events.target(["client": "*", "after": "now", "follow": "1"]))
      #expect(try connection.reply() == 200)
      var ids: [String: [JobID]] = [:]
      // One that had created nothing when it began is among them.
      try daemon.pki.add(client: "new")
      for client in ["bob", "ann", "new", "bob"] {
        ids[client, default: []].append(try daemon.client(client).run("/bin/true").0)
      }
      try daemon.client("bob").delete(ids["bob"]![0])
      daemon.signal(SIGTERM)
      let lines = try String(decoding: connection.readAll(), as: UTF8.self).split(separator: "\n")
      let events = try lines.map { try JSONDecoder().decode(JobEvent.self, from: Data($0.utf8)) }
      for one in Dictionary(grouping: events, by: \.client).values {
        #expect(one.map(\.seq) == Array(one[0].seq..<one[0].seq + Int64(one.count)))
      }
      let told = Dictionary(grouping: events.filter { $0.event == .created }, by: { $0.client ?? "" })
      #expect(told.mapValues { $0.map(\.id) } == ids)
      for kind in [JobEvent.Kind.started, .finished] {
        let jobs = Set(events.filter { $0.event == kind }.map(\.id))
        #expect(jobs.isSuperset(of: ids.values.joined()))
      }
      #expect(events.contains { $0.event == .deleted && $0.id == ids["bob"]![0] })
    }
  }

  @Test func ownersAreNotToldWhoseEventsTheyAre() throws {
    try with { daemon, _ in
      let (own, others) = (
        try daemon.curl("GET", "/events", as: "ann").text, try daemon.curl("GET", "/events", as: "vera").text
      )
      #expect(!own.contains(#""client""#) && others.contains(#""client":"vera""#))
      #expect(try daemon.client("ann").list(["limit": "1"]).client == "ann")
      #expect(try daemon.client("vera").list(["client": "*", "limit": "1"]).client == "vera")
    }
  }

  /// Whoever lost one's job is told who ended it.
  @Test func anOperatorActsInItsOwnName() throws {
    try with { daemon, jobs in
      let stopped = jobs["bob"]![0]
      _ = try daemon.client("olga").stop(stopped, grace: DurationText("0s"))
      #expect(try daemon.client("bob").status(stopped).stoppedBy?.client == "olga")
      var last: JobEvent?
      try daemon.client("vera").events(of: "bob") { last = $0 }
      #expect(last?.id == stopped)
    }
  }

  /// Of a subject without a name, as SPIFFE's are.
  private func makeCertificate(_ daemon: Daemon, _ name: String, _ extensions: String) throws {
    let (pki, file) = (daemon.pki.directory, daemon.scratch.fresh("request"))
    try Files.write(Array(extensions.utf8), to: "\(file).ext")
    for arguments in [
      ["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-subj", "/O=test"]
        + ["-keyout", "\(pki)/\(name).key", "-out", file],
      ["x509", "-req", "-in", file, "-CA", "\(pki)/ca.crt", "-CAkey", "\(pki)/ca.key", "-days", "1"]
        + ["-extfile", "\(file).ext", "-out", "\(pki)/\(name).crt"],
    ] {
      let done = try Running("openssl", arguments, directory: daemon.scratch).wait()
      try #require(done.status == 0, "\(done.errorText)")
    }
  }

  @Test func jobctlReachesOthersJobs() throws {
    try with { daemon, jobs in
      let (first, second) = (jobs["bob"]![0], jobs["bob"]![1])
      func jobctl(_ arguments: String..., as name: String) throws -> Finished {
        try daemon.startJobctl(arguments, as: name).wait()
      }
      let all = try jobctl("ps", "--all-clients", as: "vera")
      #expect(all.status == 0 && all.text.contains("CLIENT"), "\(all.errorText)")
      for name in jobs.keys { #expect(all.text.contains("  \(name)  ")) }
      let short = String("\(first)".suffix(12))
      #expect(try jobctl("status", short, as: "vera").status == 0)
      let unknown = try jobctl("status", short, as: "ann")
      #expect(unknown.status == 123 && unknown.errorText.contains("there is no such job"), "\(unknown)")
      let refused = try jobctl("stop", short, as: "vera")
      #expect(refused.status != 0 && refused.errorText.contains("viewer, does not let you"))
      let any = try daemon.startJobctl(["wait", "--any", "\(first)", "\(second)"], as: "olga")
      #expect(try jobctl("stop", "--grace", "0s", short, as: "olga").status == 0)
      #expect(try any.wait().text.contains("\(first)"))
      for (command, words) in [
        ("rm", "need --filter or --all-finished"), ("stop", "--all-clients needs --filter"),
      ] {
        let all = try jobctl(command, "--all-clients", as: "olga")
        #expect(all.status == 120 && all.errorText.contains(words), "\(all.errorText)")
      }
      let selected = try jobctl("stop", "--grace", "0s", "--client", "bob", as: "olga")
      #expect(selected.status == 0, "\(selected.errorText)")
      #expect(try daemon.client("bob").list(["state": "running"]).jobs.isEmpty)
      #expect(try jobctl("rm", "--all-finished", "--client", "bob", as: "olga").text == "removed 40 jobs\n")
      let owner = try jobctl("ps", "--client", "bob", as: "ann")
      #expect(owner.status != 0 && owner.errorText.contains("viewer or operator does"))
    }
  }

  @Test func aClientMayBeKnownByTheURIOfItsCertificate() throws {
    let roles = "{ clients: { 'spiffe://example.org/*': { role: 'viewer' } } }"
    try Daemon.with(Daemon(["--identity", "uri"], configuration: roles)) { daemon in
      let uri = "spiffe://example.org/sa/dashboard"
      try makeCertificate(daemon, "dashboard", "subjectAltName=URI:\(uri)\nextendedKeyUsage=clientAuth")
      #expect(try daemon.client("dashboard").list().role == "viewer")
      #expect(try daemon.curl("GET", "/jobs?client=\(uri)", as: "dashboard").status == 200)
      #expect(try daemon.curl("GET", "/events?client=\(uri)", as: "dashboard").status == 200)
      let refused = try daemon.curl("GET", "/jobs")
      #expect(refused.status == 403 && refused.text.contains("no URI among its alternative names"))
    }
  }
}

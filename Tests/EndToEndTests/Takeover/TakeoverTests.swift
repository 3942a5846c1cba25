import FoundationEssentials
import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// A state directory that an earlier version of jobd left when it was killed, some of its jobs still running: today's
/// goes on with it, and answers of it as that version did when it was started again. `record.py` made the files.
@Suite(.serialized) struct TakeoverTests {
  private static let versions = ["0.1.0"]

  private func path(_ version: String, _ file: String) -> String {
    "\(Files.repository)/Tests/EndToEndTests/Takeover/\(version)/\(file)"
  }

  /// Today's daemon on a copy of what the version left.
  private func withState(of version: String, _ body: (Daemon) throws -> Void) throws {
    let scratch = try Scratch()
    defer { scratch.remove() }
    let state = "\(scratch.path)/state"
    mkdir(state, 0o750)
    let unpacked = try Running(
      "tar", ["-xzf", path(version, "state.tar.gz"), "-C", state], directory: scratch
    )
    .wait()
    try #require(unpacked.status == 0, "\(unpacked.errorText)")
    // The jobs are years old one day. The api process was nobody's where the files were made.
    let options = ["--retention-age", "3650d"] + (geteuid() == 0 ? ["--user", "nobody"] : [])
    try Daemon.with(Daemon(options, state: state), body)
  }

  @Test(arguments: versions) func whatItKeptIsAnsweredAsItAnswered(version: String) throws {
    let exchanges = try JSONDecoder().decode(
      [Exchange].self, from: Data(Files.read(path(version, "replies.json"))))
    try #require(exchanges.count > 200)
    try withState(of: version) { daemon in
      let clients = ["alice": try daemon.rawClient("alice"), "bob": try daemon.rawClient("bob")]
      for exchange in exchanges where geteuid() == 0 || !exchange.needsRoot {
        let reply = try clients[exchange.client]!.ask(exchange.text)
        #expect(
          exchange.expects(reply),
          "\(exchange.client): \(exchange.request): \(reply.status) \(reply.text)\nin place of \(exchange)")
      }
    }
  }

  @Test(arguments: versions) func newJobsAreRunAndOldOnesDeleted(version: String) throws {
    try withState(of: version) { daemon in
      let (alice, bob) = (daemon.client("alice"), daemon.client("bob"))
      try daemon.waitForLog("event=jobs_lost count=7")
      let (id, status) = try alice.run("echo", "new")
      #expect(status.exitCode == 0)
      #expect(try alice.output(id).stdout == "new\n")
      for (client, count) in [(alice, 24), (bob, 2)] {
        let jobs = try client.list(["limit": "1000"]).jobs.map(\.id)
        #expect(jobs.count == count)
        for job in jobs { try client.delete(job) }
        #expect(try client.list().jobs.isEmpty)
      }
      #expect(Files.countFiles(below: "\(daemon.state)/output") == 0)
      #expect(try daemon.stop().status == 0)
      try daemon.start()
      #expect(try daemon.client("alice").list().jobs.isEmpty)
      #expect(try daemon.client("alice").run("true").1.exitCode == 0)
    }
  }
}

/// A request and what the version answered.
private struct Exchange: Decodable {
  let client, request: String
  let key, body, accept: String?
  let status: Int
  let etag: String?
  /// `<later>` in it stands for any time or number.
  let reply: String?
  /// Of a reply that is no text.
  let base64: String?

  /// Only then may a job be another user's.
  var needsRoot: Bool { body?.contains(#""user""#) == true }

  var text: String {
    let fields = [
      ("Idempotency-Key", key), ("Accept", accept), ("Content-Type", body.map { _ in MediaType.json }),
    ]
    let head = fields.map { name, value in value.map { "\(name): \($0)\r\n" } ?? "" }.joined()
    return "\(request) HTTP/1.1\r\nHost: localhost\r\n\(head)Content-Length: \(body?.utf8.count ?? 0)\r\n\r\n"
      + (body ?? "")
  }

  func expects(_ got: RawClient.Reply) -> Bool {
    // The end of a stream was 206 without a request for a range.
    let isEnd = request.contains("?tail=") || request.contains("?offset=") || request.contains("?tail_bytes=")
    guard got.status == (isEnd && status == 206 ? 200 : status), got.fields["etag"] == etag else {
      return false
    }
    guard let reply else { return Data(got.body).base64EncodedString() == base64 }
    var rest = Array(Self.withoutNewMembers(String(decoding: got.body, as: UTF8.self)).utf8)[...]
    for (index, part) in reply.split(separator: "<later>", omittingEmptySubsequences: false).enumerated() {
      if index > 0 { rest = rest.drop { "0123456789-T:.Z".utf8.contains($0) } }
      guard rest.starts(with: part.utf8) else { return false }
      rest.removeFirst(part.utf8.count)
    }
    return rest.isEmpty
  }

  /// Without what no version before told.
  private static func withoutNewMembers(_ text: String) -> String {
    text.replacing(#/,"times":\{[^}]*\}/#, with: "").replacing(#""ended_by":"lost","#, with: "")
      .replacing(#","ended_by":"lost""#, with: "").replacing(#/\{"client":"[a-z]+",/#, with: "{")
  }
}

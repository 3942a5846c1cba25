import Glibc
import Harness
import Testing

@testable import JobLoop
@testable import JobModel
@testable import JobSupervisor

/// Which changes are noticed of the files that a daemon has its certificates in.
struct CertificateWatchTests {
  /// Files in `pki` of a scratch directory, and a watch of them.
  private final class Fixture {
    let scratch: ScratchDirectory
    private let loop: EventLoop
    private var configuration = Configuration()
    private var watch: CertificateWatch!
    private(set) var changes = 0

    /// `directory`: by which the files are named.
    init(_ directory: String = "pki", _ prepare: (Fixture) throws -> Void = { _ in }) throws {
      (scratch, loop) = (try ScratchDirectory(), try EventLoop())
      let base = "\(scratch.path)/\(directory)"
      configuration.certificateFile = "\(base)/server.crt"
      configuration.keyFile = "\(base)/server.key"
      configuration.clientCAFile = "\(base)/ca.crt"
      mkdir(path("pki"), 0o700)
      for name in ["server.crt", "server.key", "ca.crt"] { try write("pki/\(name)") }
      try prepare(self)
      watch = try CertificateWatch(loop, Log(level: .error)) { [unowned self] in self.changes += 1 }
      note()
    }

    func note() { watch.note(configuration) }
    func path(_ name: String) -> String { "\(scratch.path)/\(name)" }
    func write(_ name: String, _ text: String = "text") throws {
      try Files.write(Array(text.utf8), to: path(name))
    }
    func move(_ old: String, _ new: String) { #expect(rename(path(old), path(new)) == 0) }
    func link(_ name: String, to target: String) { #expect(symlink(target, path(name)) == 0) }

    /// Changes that are told of until `most` of them, or for a while.
    func wait(for most: Int = 1, seconds: Int = 60) throws -> Int {
      let before = changes
      var isOver = false
      let end = try LoopTimer(loop) { isOver = true }
      end.start(milliseconds: UInt64(seconds) * 1000)
      while changes - before < most, !isOver { try loop.step(wait: true) }
      return changes - before
    }
  }

  @Test(arguments: ["server.crt", "server.key", "ca.crt", "ca.crl"])
  func aFileThatIsWrittenReplacedOrRemovedIsNoticed(name: String) throws {
    let fixture = try Fixture()
    try fixture.write("pki/\(name)", "in place")
    #expect(try fixture.wait() == 1)
    fixture.note()
    try fixture.write("pki/fresh", "replaced")
    fixture.move("pki/fresh", "pki/\(name)")
    #expect(try fixture.wait() == 1)
    fixture.note()
    unlink(fixture.path("pki/\(name)"))
    #expect(try fixture.wait() == 1)
    fixture.note()
    try fixture.write("pki/\(name)")
    #expect(try fixture.wait() == 1)
  }

  @Test func filesThatChangeTogetherAreOneChange() throws {
    let fixture = try Fixture()
    try fixture.write("pki/server.crt", "other")
    try fixture.write("pki/server.key", "other")
    #expect(try fixture.wait(for: 2, seconds: 1) == 1)
  }

  @Test func othersBesideThemAndWhatWasReadSinceAreNone() throws {
    let fixture = try Fixture()
    try fixture.write("pki/client.crt")
    try fixture.write("beside")
    try fixture.write("pki/server.crt", "read by then")
    fixture.note()
    #expect(try fixture.wait(seconds: 1) == 0)
    try fixture.write("pki/server.crt", "another")
    #expect(try fixture.wait() == 1)
  }

  /// What is told again is what has changed again: files that cannot be used are tried once.
  @Test func aChangeIsToldOfUntilTheFilesAreRead() throws {
    let fixture = try Fixture()
    try fixture.write("pki/server.crt", "other")
    #expect(try fixture.wait() == 1)
    fixture.note()
    #expect(try fixture.wait(seconds: 1) == 0)
  }

  @Test func aDirectoryThatIsReplacedIsNoticedAndWhatIsInItAfterwards() throws {
    let fixture = try Fixture()
    mkdir(fixture.path("other"), 0o700)
    for name in ["server.crt", "server.key", "ca.crt"] { try fixture.write("other/\(name)", "other") }
    fixture.move("pki", "old")
    fixture.move("other", "pki")
    #expect(try fixture.wait() == 1)
    fixture.note()
    try fixture.write("pki/ca.crt", "once more")
    #expect(try fixture.wait() == 1)
  }

  @Test func aDirectoryFurtherUpMayGoAndComeBack() throws {
    let fixture = try Fixture("a/b/pki") { fixture in
      for name in ["a", "a/b"] { mkdir(fixture.path(name), 0o700) }
      fixture.move("pki", "a/b/pki")
    }
    fixture.move("a", "away")
    #expect(try fixture.wait() == 1)
    fixture.note()
    for name in ["a", "a/b"] { mkdir(fixture.path(name), 0o700) }
    fixture.move("away/b/pki", "a/b/pki")
    #expect(try fixture.wait() == 1)
  }

  /// As projected volumes of Kubernetes are.
  @Test func aLinkToADirectoryIsTurned() throws {
    let fixture = try Fixture("mount") { fixture in
      for name in ["mount", "mount/..2"] { mkdir(fixture.path(name), 0o700) }
      fixture.move("pki", "mount/..1")
      fixture.link("mount/..data", to: "..1")
      for name in ["server.crt", "server.key", "ca.crt"] {
        try fixture.write("mount/..2/\(name)")
        fixture.link("mount/\(name)", to: "..data/\(name)")
      }
    }
    fixture.link("mount/..tmp", to: "..2")
    fixture.move("mount/..tmp", "mount/..data")
    #expect(try fixture.wait() == 1)
    fixture.note()
    try fixture.write("mount/..1/server.crt", "nobody's now")
    #expect(try fixture.wait(seconds: 1) == 0)
    try fixture.write("mount/..2/server.crt", "other")
    #expect(try fixture.wait() == 1)
  }

  /// As those of certbot are.
  @Test func aLinkToAFileElsewhereIsFollowed() throws {
    let fixture = try Fixture("live/host") { fixture in
      for name in ["live", "live/host"] { mkdir(fixture.path(name), 0o700) }
      for name in ["server.crt", "server.key", "ca.crt"] {
        fixture.link("live/host/\(name)", to: "../../pki/./\(name)")
      }
    }
    try fixture.write("pki/server.crt", "in place")
    #expect(try fixture.wait() == 1)
    fixture.note()
    try fixture.write("pki/server2.crt", "the next one")
    unlink(fixture.path("live/host/server.crt"))
    fixture.link("live/host/server.crt", to: fixture.path("pki/server2.crt"))
    #expect(try fixture.wait() == 1)
  }

  @Test func linksThatLeadInACircleAreWatched() throws {
    let fixture = try Fixture { fixture in
      unlink(fixture.path("pki/server.crt"))
      fixture.link("pki/server.crt", to: "round")
      fixture.link("pki/round", to: "server.crt")
    }
    unlink(fixture.path("pki/round"))
    try fixture.write("pki/round")
    #expect(try fixture.wait() == 1)
  }
}

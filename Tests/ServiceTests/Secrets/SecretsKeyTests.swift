import Glibc
import Harness
import JobAPI
import JobModel
import Testing

@testable import JobSupervisor

@Suite struct SecretsKeyTests {
  private let scratch: ScratchDirectory
  private let path: String
  private let log = Log(level: .error)
  private let job = JobID(high: 1, low: 2)

  init() throws {
    scratch = try ScratchDirectory()
    path = "\(scratch.path)/secrets.key"
  }

  private func failure(makes: Bool = true) -> String? {
    do throws(DaemonError) {
      _ = try SecretsKey(path, log: log).sealer(makes: makes)
      return nil
    } catch {
      return "\(error)"
    }
  }

  private func write(_ count: Int, mode: mode_t = 0o600) throws {
    try Files.write([UInt8](repeating: 7, count: count), to: path, mode: mode)
    #expect(chmod(path, mode) == 0)
  }

  @Test func itIsMadeWhenItIsNeeded() throws {
    #expect(failure(makes: false) == "cannot open \(path): No such file or directory")
    #expect(!Files.exists(path))
    let bytes = [UInt8](1...9)
    let digest = try SecretsKey(path, log: log).sealer(makes: true).digest(bytes)
    var info = stat()
    #expect(stat(path, &info) == 0 && info.st_mode & 0o7777 == 0o600 && info.st_size == 32)
    #expect(Files.list(scratch.path) == ["secrets.key"])
    // The next finds the same.
    #expect(try SecretsKey(path, log: log).sealer(makes: true).digest(bytes) == digest)
  }

  @Test func twoThatMakeItHaveTheSame() throws {
    let keys = (0..<8).map { _ in SecretsKey(path, log: log) }
    let digests = try keys.map { try $0.sealer(makes: true).digest([1]) }
    #expect(Set(digests).count == 1)
  }

  @Test func oneThatOthersMayReadIsRefused() throws {
    for mode: mode_t in [0o640, 0o604, 0o620] {
      try write(32, mode: mode)
      #expect(failure()?.contains("is open to others (mode 0\(String(mode, radix: 8)))") == true)
    }
    try write(32, mode: 0o400)
    #expect(failure() == nil)
  }

  @Test func oneOfAnotherSizeOrKindIsRefused() throws {
    for count in [0, 31, 33] {
      try write(count)
      #expect(failure() == "\(path) has \(count) bytes: a key has 32")
      #expect(Files.read(path).count == count)
    }
    unlink(path)
    #expect(mkdir(path, 0o700) == 0)
    #expect(failure() == "\(path) is no file")
    #expect(rmdir(path) == 0 && mkfifo(path, 0o600) == 0)
    #expect(failure() == "\(path) is no file")
  }

  @Test(.enabled(if: geteuid() == 0)) func oneOfAnotherUserIsRefused() throws {
    try write(32)
    #expect(chown(path, 65534, 65534) == 0)
    #expect(failure() == "\(path) is the user 65534's: it has to be 0's, who the daemon runs as")
  }

  @Test func whereItCannotBeMadeItIsSaid() {
    let missing = "\(scratch.path)/missing/secrets.key"
    #expect(throws: DaemonError.self) { try SecretsKey(missing, log: log).sealer(makes: true) }
  }

  /// A failure is no reason to go on failing.
  @Test func itIsTriedAgain() throws {
    let key = SecretsKey(path, log: log)
    try write(3)
    #expect(throws: DaemonError.self) { try key.sealer(makes: true) }
    try write(32)
    _ = try key.sealer(makes: true)
    // From now on it is held.
    unlink(path)
    _ = try key.sealer(makes: false)
  }
}

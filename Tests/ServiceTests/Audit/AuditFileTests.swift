import Glibc
import JobModel
import Platform
import Testing

@testable import JobSupervisor

struct AuditFileTests {
  private let scratch: ScratchDirectory
  private var path: String { "\(scratch.path)/audit.log" }

  init() throws { scratch = try ScratchDirectory() }

  private func line(_ user: String) -> AuditLine {
    var entry = AuditEntry(.create, at: 0)
    entry.user = user
    return AuditLine(entry)
  }

  private func put(_ text: String) {
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o640)
    _ = write(file, text, text.utf8.count)
    close(file)
  }

  private var bytes: [UInt8] { (try? SmallFile.read(path, most: 1 << 24)) ?? [] }
  private var info: stat {
    var info = stat()
    stat(path, &info)
    return info
  }

  @Test func oneThatIsMadeIsItsOwnersAlone() throws {
    let before = umask(0)
    defer { umask(before) }
    let file = try AuditFile(path, patience: 0)
    #expect(info.st_mode & 0o777 == 0o600)
    let lines = [line("a"), line("b")]
    #expect(file.write(lines).count == 2)
    try file.sync()
    #expect(bytes == lines[0].bytes + lines[1].bytes)
  }

  @Test func oneThatIsThereIsAppendedToAndKeepsItsMode() throws {
    put("earlier\n")
    let file = try AuditFile(path, patience: 0)
    _ = file.write([line("a")])
    #expect(bytes == Array("earlier\n".utf8) + line("a").bytes)
    #expect(info.st_mode & 0o777 == 0o640)
  }

  @Test func aLineThatAPowerCutLeftInPartIsEnded() throws {
    put("{\"time\":\"20")
    let file = try AuditFile(path, patience: 0)
    _ = file.write([line("a")])
    #expect(bytes == Array("{\"time\":\"20\n".utf8) + line("a").bytes)
  }

  @Test func twoWritersAreRefused() throws {
    let file = try AuditFile(path, patience: 0)
    #expect {
      _ = try AuditFile(path, patience: 20)
    } throws: {
      "\($0)".contains("another process writes the audit file \(path)")
    }
    withExtendedLifetime(file) {}
  }

  @Test func whatIsNoFileIsRefused() throws {
    mkfifo(path, 0o600)
    for (place, why) in [
      (path, "no regular file"), (scratch.path, "directory"),
      ("\(scratch.path)/none/audit.log", "No such file"),
    ] {
      #expect { _ = try AuditFile(place, patience: 0) } throws: {
        "\($0)".contains(why) && "\($0)".contains(place)
      }
      #expect { try AuditFile.check(place) } throws: { "\($0)".contains(why) && "\($0)".contains(place) }
    }
  }

  @Test func aCheckMakesNone() throws {
    try AuditFile.check(path)
    #expect(access(path, F_OK) != 0)
    put("earlier\n")
    try AuditFile.check(path)
    #expect(bytes == Array("earlier\n".utf8))
  }

  @Test func roomIsKeptAheadAndGivenBack() throws {
    do {
      let file = try AuditFile(path, patience: 0)
      try file.keepRoom()
      #expect(Int(info.st_blocks) * 512 >= Int(AuditFile.room))
      #expect(info.st_size == 0)
      _ = file.write([line("a")])
      // As logrotate's copytruncate does.
      truncate(path, 0)
      #expect(info.st_blocks == 0)
      try file.keepRoom()
      #expect(Int(info.st_blocks) * 512 >= Int(AuditFile.room))
      _ = file.write([line("b")])
      #expect(bytes == line("b").bytes)
    }
    #expect(info.st_blocks * 512 < Int(AuditFile.room) / 2)
    #expect(bytes == line("b").bytes)
  }

  @Test func aReplacedFileIsSeen() throws {
    let file = try AuditFile(path, patience: 0)
    #expect(!file.isReplaced)
    rename(path, path + ".1")
    #expect(file.isReplaced)
    put("")
    #expect(file.isReplaced)
  }

  /// Lines that do not fit, as a limit of the file's size has it: what is there is whole.
  @Test func noLineIsThereInPart() throws {
    let file = try AuditFile(path, patience: 0)
    let lines = [line("a"), line("b"), line(String(repeating: "x", count: 10_000))]
    let (count, error) = try withFileSizeLimit(lines[0].bytes.count + lines[1].bytes.count + 100) {
      file.write(lines)
    }
    #expect(count == 2 && error?.code == EFBIG)
    #expect(bytes == lines[0].bytes + lines[1].bytes)
    #expect(file.write([lines[2]]).count == 1)
    #expect(bytes == lines[0].bytes + lines[1].bytes + lines[2].bytes)
  }

  private func withFileSizeLimit<Result>(_ size: Int, _ body: () throws -> Result) throws -> Result {
    var before = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &before)
    signal(SIGXFSZ, SIG_IGN)
    var limit = rlimit(rlim_cur: rlim_t(size), rlim_max: before.rlim_max)
    setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
    defer { setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &before) }
    return try body()
  }
}

import Glibc
import JobAPI
import Testing

@testable import JobStore
@testable import Platform

@Suite struct DamageTests {
  /// A state directory with 300 jobs, closed.
  private func filled() throws -> ScratchDirectory {
    let scratch = try ScratchDirectory()
    let fixture = try StoreFixture(scratch.path)
    _ = try fixture.applyTogether((1...300).map { .create(.sample($0)) })
    fixture.store.close()
    return scratch
  }

  private func refusal(_ path: String) -> StoreError? {
    do {
      let store = try Store(path: path, group: nil) { _ in }
      store.close()
      return nil
    } catch {
      return error
    }
  }

  private func overwrite(_ path: String, at offset: Int, with bytes: [UInt8]) throws {
    let file = open(path, O_WRONLY)
    defer { close(file) }
    try #require(pwrite(file, bytes, bytes.count, offset) == bytes.count)
  }

  private func contents(_ path: String) throws -> [UInt8] {
    let file = open(path, O_RDONLY)
    defer { close(file) }
    var info = stat()
    try #require(fstat(file, &info) == 0)
    var bytes = [UInt8](repeating: 0, count: Int(info.st_size))
    try #require(read(file, &bytes, bytes.count) == bytes.count)
    return bytes
  }

  @Test func aGarbledFileIsRefusedAndLeftAlone() throws {
    let scratch = try filled()
    let file = Store.database(in: scratch.path)
    try overwrite(file, at: 0, with: Array("garbage!".utf8))
    let before = try contents(file)
    let error = try #require(refusal(scratch.path))
    #expect(error.kind == .damaged)
    #expect(error.description.contains(file) && error.description.contains("Restore it from a backup"))
    #expect(try contents(file) == before)
  }

  @Test(arguments: [0, 1000, 20_000]) func aTruncatedFileIsRefused(length: off_t) throws {
    let scratch = try filled()
    let file = Store.database(in: scratch.path)
    try #require(truncate(file, length) == 0)
    #expect(refusal(scratch.path)?.kind == .damaged)
    #expect(try contents(file).count == length)
  }

  @Test func garbledPagesFailTheirJobsAlone() throws {
    let scratch = try filled()
    let file = Store.database(in: scratch.path)
    let size = try contents(file).count
    // All but the first page, which names the tables.
    try overwrite(file, at: 4096, with: [UInt8](repeating: 0xa5, count: size - 4096))
    let error = refusal(scratch.path)
    #expect(error?.kind == .damaged, "\(String(describing: error))")
  }

  @Test func aMissingFileBesideItsLogIsRefused() throws {
    let scratch = try filled()
    let file = Store.database(in: scratch.path)
    try #require(rename(file, file + "-wal") == 0)
    #expect(refusal(scratch.path)?.kind == .damaged)
    #expect(access(file, F_OK) != 0)
  }

  @Test func aNewerVersionIsRefused() throws {
    let scratch = try filled()
    do { try Database(Store.database(in: scratch.path), .readWrite).execute("PRAGMA user_version = 99") }
    let error = try #require(refusal(scratch.path))
    #expect(error.kind == .newer)
    #expect(error.description.contains("newer jobd (version 99"))
  }

  @Test func anotherProgramsDatabaseIsRefused() throws {
    let scratch = try ScratchDirectory()
    do { try Database(Store.database(in: scratch.path), .create).execute("CREATE TABLE theirs(a)") }
    #expect(refusal(scratch.path)?.description.contains("of another program") == true)
  }

  @Test func twoDaemonsCannotShareADirectory() throws {
    let scratch = try ScratchDirectory()
    do {
      let first = try StateDirectory(path: scratch.path, group: nil)
      defer { close(first.output) }
      let error = #expect(throws: StoreError.self) { try StateDirectory(path: scratch.path, group: nil) }
      #expect(error?.kind == .inUse)
      #expect(
        error?.description == "another jobd uses the state directory \(scratch.path) (pid \(getpid()))")
    }
    close(try StateDirectory(path: scratch.path, group: nil).output)
  }

  /// Nor does one that is refused change what the other has there.
  @Test(.enabled(if: geteuid() == 0)) func aDaemonThatIsRefusedTouchesNothing() throws {
    let scratch = try ScratchDirectory()
    let first = try StateDirectory(path: scratch.path, group: 1)
    defer { close(first.output) }
    #expect(throws: StoreError.self) { try StateDirectory(path: scratch.path, group: 2) }
    for name in ["", "/output", "/output/00"] {
      var info = stat()
      #expect(stat(scratch.path + name, &info) == 0 && info.st_gid == 1)
    }
  }

  /// A service manager may have given all of it to root's group (StateDirectory=, systemd.exec(5)).
  @Test(.enabled(if: geteuid() == 0)) func outputThatWasTakenAwayIsSharedAgain() throws {
    let scratch = try ScratchDirectory()
    let directory = try StateDirectory(path: scratch.path, group: 1)
    defer { close(directory.output) }
    let file = "\(scratch.path)/output/07/some.stdout"
    close(open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0o640))
    try #require(chown(file, 0, 0) == 0)
    #expect(directory.shareOutput() == 1)
    var info = stat()
    #expect(stat(file, &info) == 0 && info.st_gid == 1)
    #expect(directory.shareOutput() == 0)
  }

  @Test func aLockIsWaitedFor() throws {
    let scratch = try ScratchDirectory()
    var first: StateLock? = try StateLock(directory: scratch.path)
    #expect(throws: StoreError.self) { try StateLock(directory: scratch.path, patience: 30) }
    #expect(StateLock.holder(in: scratch.path) == getpid())
    withExtendedLifetime(first) {}
    first = nil
    withExtendedLifetime(try StateLock(directory: scratch.path, patience: 30)) {}
  }

  /// After a crash: the processes that the daemon was starting have its lock until their exec.
  @Test func theLockOfOneThatIsGoneIsWaitedForWithoutPatience() throws {
    let scratch = try ScratchDirectory()
    withExtendedLifetime(try StateLock(directory: scratch.path)) {}
    // The first process's program, and no process's: numbers end below 2^22 (proc(5), pid_max).
    for (holder, isGone) in [(1, false), (1 << 22, true)] {
      let file = open("\(scratch.path)/lock", O_RDWR | O_TRUNC | O_CLOEXEC)
      defer { close(file) }
      try #require(flock(file, LOCK_EX) == 0 && write(file, "\(holder)\n", "\(holder)\n".utf8.count) > 0)
      let unlock = try SystemThread.start("unlock") {
        usleep(200_000)
        flock(file, LOCK_UN)
      }
      defer { pthread_join(unlock, nil) }
      if isGone {
        withExtendedLifetime(try StateLock(directory: scratch.path)) {}
      } else {
        #expect(throws: StoreError.self) { try StateLock(directory: scratch.path) }
      }
    }
  }

  /// A process that is being started has copies of all descriptors until its exec, also of those that close then.
  @Test func aDirectoryIsFreeWhileAProcessIsBeingStarted() throws {
    let fixture = try StoreFixture()
    let (ready, go) = ("\(fixture.path)/ready", "\(fixture.path)/go")
    for pipe in [ready, go] { try #require(mkfifo(pipe, 0o600) == 0) }
    let starter = try SystemThread.start("starter") { Self.start(telling: ready, waitingFor: go) }
    // Returns once the process has the other end.
    let reader = open(ready, O_RDONLY | O_CLOEXEC)
    fixture.store.close()
    #expect(refusal(fixture.path) == nil)
    let writer = open(go, O_WRONLY | O_CLOEXEC)
    pthread_join(starter, nil)
    for pipe in [reader, writer] { close(pipe) }
  }

  /// Starts a process, which opens both pipes before its exec.
  private static func start(telling ready: String, waitingFor go: String) {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawn_file_actions_addopen(&actions, 1, ready, O_WRONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 0, go, O_RDONLY, 0)
    var pid: pid_t = 0
    var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("true"), nil]
    if posix_spawnp(&pid, "true", &actions, nil, &arguments, nil) == 0 { waitpid(pid, nil, 0) }
    free(arguments[0])
    posix_spawn_file_actions_destroy(&actions)
  }

  @Test(arguments: ["lock", "jobd.db", "output"]) func noLinkIsFollowed(name: String) throws {
    let (scratch, other) = (try ScratchDirectory(), try ScratchDirectory())
    let target = "\(other.path)/target"
    if name == "output" {
      try #require(mkdir(target, 0o700) == 0)
    } else {
      let file = open(target, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
      try #require(write(file, "mine", 4) == 4)
      close(file)
    }
    try #require(symlink(target, "\(scratch.path)/\(name)") == 0)
    #expect(throws: StoreError.self) {
      let directory = try StateDirectory(path: scratch.path, group: nil)
      defer { close(directory.output) }
      _ = try Store(path: scratch.path, group: nil) { _ in }
    }
    if name == "output" {
      #expect(rmdir(target) == 0, "nothing was made in it")
    } else {
      #expect(try SmallFile.read(target, most: 10) == Array("mine".utf8))
    }
  }

  @Test func aCreationThatWasCutOffIsBegunAnew() throws {
    let scratch = try ScratchDirectory()
    let file = open(Store.database(in: scratch.path) + ".new", O_WRONLY | O_CREAT, 0o600)
    try #require(write(file, "half", 4) == 4)
    close(file)
    #expect(refusal(scratch.path) == nil)
    #expect(access(Store.database(in: scratch.path) + ".new", F_OK) != 0)
  }
}

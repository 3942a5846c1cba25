import CJobEngine
import Glibc
import JobAPI
import Platform
import Testing

@testable import JobPool

struct JobPoolTests {
  /// A pool in a directory of its own, and the directory's removal.
  private func withPool(
    _ evaluation: JobPool.Evaluation, limit: Int = 64 << 20, _ body: (JobPool, String) throws -> Void
  ) throws {
    var template = Array("/tmp/jobpool-test-XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil)
    let directory = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    defer { rmdir(directory) }
    try body(try JobPool(directory: directory, evaluation: evaluation, outputLimit: limit), directory)
  }

  private func end(_ pool: JobPool, _ id: JobID) throws -> JobStatus {
    while true {
      let status = try pool.status(id)
      if status.state != .running { return status }
      usleep(1000)
    }
  }

  @Test(arguments: [JobPool.Evaluation.lazy, .eager])
  func jobsRunToTheirEnd(evaluation: JobPool.Evaluation) throws {
    try withPool(evaluation) { pool, directory in
      let ids = try (0..<20).map {
        try pool.create("sh", arguments: ["-c", "echo \($0); echo e >&2; exit \($0)"])
      }
      for (number, id) in ids.enumerated() {
        #expect(try end(pool, id) == JobStatus(state: .completed, exitCode: Int32(number)))
        let output = try pool.output(id)
        #expect(
          output
            == JobOutput(stdout: Array("\(number)\n".utf8), stderr: Array("e\n".utf8), isTruncated: false))
        try pool.delete(id)
        #expect(throws: JobPoolError.notFound) { try pool.status(id) }
      }
      #expect(access("\(directory)/\(ids[0]).stdout", F_OK) != 0)
    }
  }

  @Test(arguments: [JobPool.Evaluation.lazy, .eager])
  func whatCannotBeStartedIsInError(evaluation: JobPool.Evaluation) throws {
    try withPool(evaluation) { pool, _ in
      let id = try pool.create("/nonexistent/program")
      let status = try end(pool, id)
      #expect(status.state == .error)
      #expect(
        status.error == #"cannot start the job: exec "/nonexistent/program": No such file or directory"#)
      #expect(try pool.output(id).stdout.isEmpty)
      #expect(throws: JobPoolError.invalid("the command is empty")) { try pool.create("") }
      #expect(throws: JobPoolError.self) { try pool.create("a", arguments: ["\0"]) }
    }
  }

  @Test(arguments: [JobPool.Evaluation.lazy, .eager])
  func deleteEndsWhatRuns(evaluation: JobPool.Evaluation) throws {
    try withPool(evaluation) { pool, _ in
      let id = try pool.create(
        "sh", arguments: ["-c", "trap '' TERM; echo $$; setsid sleep 1000 & sleep 1000"])
      var pid: pid_t = 0
      while pid == 0 {
        _ = try pool.status(id)
        pid = pid_t(String(decoding: try pool.output(id).stdout.prefix { $0 != 10 }, as: UTF8.self)) ?? 0
      }
      try pool.delete(id)
      #expect(kill(pid, 0) != 0)
      #expect(throws: JobPoolError.notFound) { try pool.delete(id) }
    }
  }

  /// Many wait at once, and others' calls take the events of the jobs that are waited for.
  @Test(arguments: [JobPool.Evaluation.lazy, .eager])
  func waitReturnsTheEndWhileOthersCall(evaluation: JobPool.Evaluation) throws {
    try withPool(evaluation) { pool, directory in
      let pipe = "\(directory)/pipe"
      try #require(mkfifo(pipe, 0o600) == 0)
      defer { unlink(pipe) }
      let reader = try pool.create("sh", arguments: ["-c", "read line <\(pipe); exit $line"])
      let failed = try pool.create("/nonexistent/program")
      let threads = try [reader, failed, reader].map { id in
        try SystemThread.start(takesSignals: true) {
          let status = try? pool.wait(id)
          #expect(id == reader ? status?.exitCode == 7 : status?.state == .error)
        }
      }
      for _ in 0..<20 {
        let id = try pool.create("/bin/true")
        #expect(try pool.status(reader).state == .running)
        #expect(try pool.wait(id).exitCode == 0)
        try pool.delete(id)
      }
      let writer = try pool.create("sh", arguments: ["-c", "echo 7 >\(pipe)"])
      #expect(try pool.wait(writer).exitCode == 0)
      for thread in threads { pthread_join(thread, nil) }
      #expect(try pool.wait(reader).exitCode == 7)
      try pool.delete(reader)
      #expect(throws: JobPoolError.notFound) { try pool.wait(reader) }
    }
  }

  /// As a process leaves it that is killed, or ends with a pool in a global variable.
  @Test func aCgroupThatNobodyUsesIsRemoved() throws {
    var found: UnsafeMutablePointer<CChar>?
    guard jc_cgroup_find(&found) == 0, let found else { return }
    defer { free(found) }
    let left = "\(String(cString: found))/jobpool-0-\(getpid())"
    try withPool(.lazy) { pool, _ in
      let id = try pool.create("sed", arguments: ["-n", "s/^0:://p", "/proc/self/cgroup"])
      // Pools of other tests, which run at the same time, sweep too: before it is whole, or beside this one.
      repeat { _ = mkdir(left, 0o755) } while mkdir("\(left)/job-0", 0o755) != 0 && errno == ENOENT
      try withPool(.lazy) { _, _ in
        #expect(waitUntil { access(left, F_OK) != 0 })
      }
      // That of a pool that is there stays.
      #expect(try end(pool, id).exitCode == 0)
      let own = String(decoding: try pool.output(id).stdout, as: UTF8.self).split(separator: "/")
      #expect(own.count >= 2 && own[own.count - 2].hasPrefix("jobpool-\(getpid())-"))
      #expect(access("\(String(cString: found))/\(own[own.count - 2])", F_OK) == 0)
    }
  }

  @Test(arguments: [JobPool.Evaluation.lazy, .eager])
  func nothingOutlivesThePool(evaluation: JobPool.Evaluation) throws {
    var pid: pid_t = 0
    try withPool(evaluation) { pool, directory in
      let id = try pool.create("sh", arguments: ["-c", "echo $$; exec sleep 1000"])
      while pid == 0 {
        _ = try pool.status(id)
        pid = pid_t(String(decoding: try pool.output(id).stdout.prefix { $0 != 10 }, as: UTF8.self)) ?? 0
      }
    }
    #expect(kill(pid, 0) != 0)
  }

  @Test func outputPastTheLimitIsDropped() throws {
    try withPool(.eager, limit: 1000) { pool, _ in
      let id = try pool.create("head", arguments: ["-c", "5000", "/dev/zero"])
      #expect(try end(pool, id).exitCode == 0)
      let output = try pool.output(id)
      #expect(output.stdout.count == 1000)
      #expect(output.isTruncated)
    }
  }

  @Test func theDocumentedExampleIsTheOneThatRuns() throws {
    try poolExample()
    let tests = #filePath.split(separator: "/").dropLast()
    let example = try body(ofFile: "/" + tests.joined(separator: "/") + "/PoolExample.swift")
    let root = "/" + tests.dropLast(3).joined(separator: "/")
    for page in ["README.md", "Sources/JobPool/JobPool.docc/JobPool.md"] {
      #expect(text(ofFile: "\(root)/\(page)").contains(example), "\(page)")
    }
  }

  private func body(ofFile path: String) throws -> String {
    let lines = text(ofFile: path).split(separator: "\n", omittingEmptySubsequences: false)
    let start = try #require(lines.firstIndex { $0.hasPrefix("func ") })
    let end = try #require(lines.firstIndex { $0 == "}" })
    return lines[(start + 1)..<end].map { $0.dropFirst(2) }.joined(separator: "\n")
  }

  private func text(ofFile path: String) -> String {
    guard let file = fopen(path, "r") else { return "" }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes[0..<count], as: UTF8.self)
  }
}

import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// A secret whose every trace can be found, and a job that says that it has it without saying what it is.
struct Canary {
  let value = "canary\(UInt64.random(in: 1 << 60 ... .max))"
  static let name = "SECRET_TOKEN"

  var secrets: [String: String] { [Self.name: value] }

  /// Prints the length and the digest of what it was given.
  func request(_ then: String = ":", runner: String? = nil) -> CreateRequest {
    let script = "printf '%s' \"$\(Self.name)\" | wc -c; printf '%s' \"$\(Self.name)\" | md5sum; \(then)"
    var request = CreateRequest(cmd: "sh", args: ["-c", script])
    (request.secretEnv, request.runner) = (secrets, runner)
    return request
  }

  /// What the job prints that has it.
  func output(_ scratch: Scratch) throws -> String {
    let digest = try Running("md5sum", [], input: Array(value.utf8), directory: scratch).wait().text
    return "\(value.utf8.count)\n\(digest)"
  }

  func expect(in client: JobClient, of id: JobID, _ scratch: Scratch) throws {
    let end = try client.end(of: id)
    #expect(end.status == .completed, "\(end)")
    #expect(try client.output(id).stdout == output(scratch))
  }

  func isIn(_ bytes: [UInt8]) -> Bool { String(decoding: bytes, as: UTF8.self).contains(value) }

  /// Files below a directory that have it.
  func files(below path: String) -> [String] {
    Files.list(path).flatMap { name in
      var info = stat()
      let file = "\(path)/\(name)"
      guard lstat(file, &info) == 0 else { return [String]() }
      if info.st_mode & S_IFMT == S_IFDIR { return files(below: file) }
      return info.st_mode & S_IFMT == S_IFREG && isIn(Files.read(file)) ? [file] : []
    }
  }

  /// What can be seen of processes: their command lines, and what the keeper holds of jobs for another supervisor.
  func places(in daemon: Daemon) -> [String] {
    let pids = [daemon.keeperPid] + Processes.descendants(daemon.keeperPid)
    let held = Files.list("/proc/\(daemon.keeperPid)/fd").map { "/proc/\(daemon.keeperPid)/fd/\($0)" }
    let files = held.filter { Files.target($0).hasPrefix("/memfd:") } + pids.map { "/proc/\($0)/cmdline" }
    let own = [daemon.keeperPid, daemon.pid, daemon.apiPid].map { "/proc/\($0)/environ" }
    return (files + own).filter { isIn(Files.read($0)) }
  }
}

import Glibc

/// A program that ended: its exit status and what it wrote.
package struct Finished {
  /// 128 + N after signal N.
  package let status: Int32
  package let output: [UInt8]
  package let errors: [UInt8]

  package var text: String { String(decoding: output, as: UTF8.self) }
  package var errorText: String { String(decoding: errors, as: UTF8.self) }
}

package struct CannotStart: Error {
  package let program: String
  package let code: Int32
}

/// A program that runs, with its output in files.
package final class Running {
  package let pid: pid_t
  private let outputFile, errorFile: String
  private var status: Int32?

  /// `program` is looked up in PATH. `input`: standard input; /dev/null when nil.
  package init(
    _ program: String, _ arguments: [String], environment: [String: String] = [:], input: [UInt8]? = nil,
    directory: Scratch
  ) throws {
    outputFile = directory.fresh("out")
    errorFile = directory.fresh("err")
    var inputFile = "/dev/null"
    if let input {
      inputFile = directory.fresh("in")
      try Files.write(input, to: inputFile)
    }
    pid = try Self.spawn(program, arguments, environment, inputFile, outputFile, errorFile)
  }

  private static func spawn(
    _ program: String, _ arguments: [String], _ environment: [String: String], _ input: String,
    _ output: String,
    _ errors: String
  ) throws -> pid_t {
    var all = ["PATH": String(cString: getenv("PATH")), "HOME": "/nonexistent", "LANG": "C.UTF-8"]
    all.merge(environment) { $1 }
    return try Spawn.start(program, arguments, environment: all) { actions in
      posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0)
      posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
      posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    }
  }

  package var output: [UInt8] { Files.read(outputFile) }
  package var text: String { String(decoding: output, as: UTF8.self) }
  package var errors: [UInt8] { Files.read(errorFile) }
  package var errorText: String { String(decoding: errors, as: UTF8.self) }

  package func signal(_ number: Int32) { if status == nil { kill(pid, number) } }

  /// Whether it has ended.
  package var hasEnded: Bool {
    if status != nil { return true }
    var raw: Int32 = 0
    guard waitpid(pid, &raw, WNOHANG) == pid else { return false }
    status = raw & 0x7f == 0 ? raw >> 8 & 0xff : 128 + raw & 0x7f
    return true
  }

  /// Waits for the end; kills it when that takes longer than `seconds`.
  package func wait(seconds: Double = 120) throws -> Finished {
    do {
      try Poll.until("the end of a program", seconds: seconds) { hasEnded }
    } catch {
      kill(pid, SIGKILL)
      var raw: Int32 = 0
      waitpid(pid, &raw, 0)
      status = 137
      throw error
    }
    return Finished(status: status!, output: output, errors: errors)
  }
}

/// Waiting with a deadline that a slow machine does not reach.
package enum Poll {
  package struct TimeIsUp: Error, CustomStringConvertible {
    package let description: String
    package init(description: String) { self.description = description }
  }

  package static func until(_ what: String, seconds: Double = 60, _ condition: () throws -> Bool) throws {
    let end = now() + seconds
    var pause: UInt32 = 1000
    while try !condition() {
      guard now() < end else { throw TimeIsUp(description: "waited \(seconds) s for \(what)") }
      usleep(pause)
      pause = min(pause * 2, 50_000)
    }
  }

  package static func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}

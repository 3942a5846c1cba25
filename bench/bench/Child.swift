import Glibc

/// What went wrong: it ends the section of the benchmark it happened in, and the benchmark fails.
struct BenchFailure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// What a program that ended has used.
struct Usage {
  var status: Int32 = 0
  /// Seconds.
  var wall = 0.0
  var cpu = 0.0
}

/// A program that runs, its standard input and output being pipes.
final class Child {
  let pid: pid_t
  let name: String
  private var input: Int32
  private let output: Int32
  private let start = Clock.now
  private var usage: Usage?

  /// `log`: where its standard error goes; the terminal when nil.
  init(_ arguments: [String], log: String? = nil) throws {
    var inputs: [Int32] = [0, 0]
    var outputs: [Int32] = [0, 0]
    guard pipe(&inputs) == 0, pipe(&outputs) == 0 else {
      throw BenchFailure("pipe: \(String(cString: strerror(errno)))")
    }
    // This program has one thread: nothing is started between the two.
    for end in inputs + outputs { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, inputs[0], 0)
    posix_spawn_file_actions_adddup2(&actions, outputs[1], 1)
    if let log { posix_spawn_file_actions_addopen(&actions, 2, log, O_WRONLY | O_CREAT | O_APPEND, 0o644) }
    var vector = arguments.map { strdup($0) } + [nil]
    defer { for text in vector { free(text) } }
    var child = pid_t()
    let failed = posix_spawnp(&child, arguments[0], &actions, nil, &vector, environ)
    close(inputs[0])
    close(outputs[1])
    guard failed == 0 else { throw BenchFailure("\(arguments[0]): \(String(cString: strerror(failed)))") }
    (pid, input, output) = (child, inputs[1], outputs[0])
    name = arguments.prefix(2).joined(separator: " ")
  }

  deinit {
    closeInput()
    close(output)
    if usage == nil {
      kill(pid, SIGKILL)
      var status: Int32 = 0
      waitpid(pid, &status, 0)
    }
  }

  func closeInput() {
    if input >= 0 { close(input) }
    input = -1
  }

  /// What it prints, until a line's end or, with `line` false, until it closes its output.
  func read(line: Bool = false) -> String {
    var text: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 65536)
    while !(line && text.last == UInt8(ascii: "\n")) {
      let count = Glibc.read(output, &block, block.count)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { break }
      text += block.prefix(count)
    }
    return String(decoding: text, as: UTF8.self)
  }

  func signal(_ number: Int32) { if usage == nil { kill(pid, number) } }

  var hasEnded: Bool {
    if usage == nil { reap(WNOHANG) }
    return usage != nil
  }

  @discardableResult
  func wait() -> Usage {
    while usage == nil { reap(0) }
    return usage!
  }

  private func reap(_ options: Int32) {
    var status: Int32 = 0
    var used = rusage()
    guard wait4(pid, &status, options, &used) == pid else { return }
    let code = status & 0x7f == 0 ? status >> 8 & 0xff : 128 + status & 0x7f
    usage = Usage(status: code, wall: Clock.now - start, cpu: seconds(used.ru_utime) + seconds(used.ru_stime))
  }

  private func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }

  /// Runs a program to its end; what it printed. Any other status than 0 is a failure.
  @discardableResult
  static func run(_ arguments: [String], log: String? = nil) throws -> (text: String, usage: Usage) {
    let child = try Child(arguments, log: log)
    child.closeInput()
    let text = child.read()
    let usage = child.wait()
    guard usage.status == 0 else {
      throw BenchFailure("\(arguments.joined(separator: " ")): status \(usage.status)")
    }
    return (text, usage)
  }
}

enum Clock {
  /// Seconds of the monotonic clock.
  static var now: Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}

import Glibc
import Platform

/// The lines of a file, or of standard input, as they come. One thread.
final class BatchInput {
  enum Next: Equatable {
    case line(BatchLine)
    /// Nothing came in that time.
    case pause
    case end
  }

  /// Bytes of a line: a request holds no more.
  static let mostBytes = 8 << 20
  private static let byteOrderMark: [UInt8] = [0xef, 0xbb, 0xbf]
  private let file: Int32
  /// As people are told.
  let name: String
  /// Where it began; nil: it is read once only, as a pipe is.
  private let start: off_t?
  private var buffer: [UInt8] = []
  private var used = 0
  /// How far no newline was found.
  private var scanned = 0
  private var number = 0
  private var hasEnded = false

  /// `path`: nil and `-` are standard input.
  init(_ path: String?) throws(SystemError) {
    if let path, path != "-" {
      (file, name) = (open(path, O_RDONLY | O_CLOEXEC), path)
      guard file >= 0 else { throw SystemError(errno, "open \(path)") }
    } else {
      (file, name) = (STDIN_FILENO, "standard input")
    }
    var facts = stat()
    let isFile = fstat(file, &facts) == 0 && facts.st_mode & S_IFMT == S_IFREG
    start = isFile ? lseek(file, 0, SEEK_CUR) : nil
  }

  deinit { if file != STDIN_FILENO { close(file) } }

  /// Whether somebody types it.
  var isTyped: Bool { isatty(file) == 1 }

  /// Whether it can be read a second time.
  var canBeRepeated: Bool { start.map { $0 >= 0 } ?? false }

  /// Reads it from where it began once more.
  func rewind() throws(SystemError) {
    guard let start, lseek(file, start, SEEK_SET) == start else {
      throw SystemError(errno, "read \(name) again")
    }
    (buffer, used, scanned, number, hasEnded) = ([], 0, 0, 0, false)
  }

  /// The next line that is a command. `milliseconds`: how long one is waited for.
  func next(within milliseconds: Int32) throws -> Next {
    while true {
      if let line = try takeLine() {
        if line.isCommand { return .line(line) }
        continue
      }
      if hasEnded { return .end }
      guard try fill(milliseconds) else { return .pause }
    }
  }

  /// Nil: there is none that is whole.
  private func takeLine() throws(BatchFault) -> BatchLine? {
    let end = buffer[scanned...].firstIndex(of: 0x0a)
    scanned = end ?? buffer.count
    guard scanned - used <= Self.mostBytes else {
      throw BatchFault(line: number + 1, text: "it is longer than \(ByteCount.text(Int64(Self.mostBytes)))")
    }
    guard end != nil || hasEnded && used < buffer.count else { return nil }
    number += 1
    defer {
      used = min(scanned + 1, buffer.count)
      scanned = used
    }
    // As editors of Windows begin a file.
    let first = number == 1 && buffer[used..<scanned].starts(with: Self.byteOrderMark) ? used + 3 : used
    // Of a line's end that is CR and LF.
    let last = scanned > first && buffer[scanned - 1] == 0x0d ? scanned - 1 : scanned
    guard let text = String(validating: buffer[first..<last], as: UTF8.self) else {
      throw BatchFault(line: number, text: "it is not UTF-8")
    }
    return BatchLine(number: number, text: text)
  }

  /// False: nothing came.
  private func fill(_ milliseconds: Int32) throws(SystemError) -> Bool {
    var ready = pollfd(fd: file, events: Int16(POLLIN), revents: 0)
    guard poll(&ready, 1, milliseconds) > 0 else { return false }
    buffer.removeFirst(used)
    (scanned, used) = (scanned - used, 0)
    var block = [UInt8](repeating: 0, count: 1 << 16)
    let count = read(file, &block, block.count)
    guard count >= 0 else {
      if errno == EINTR || errno == EAGAIN { return false }
      throw SystemError(errno, "read \(name)")
    }
    buffer += block[..<count]
    hasEnded = count == 0
    return true
  }
}

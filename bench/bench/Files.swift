import Glibc

enum Files {
  static func read(_ path: String) throws -> String {
    guard let file = fopen(path, "re") else {
      throw BenchFailure("\(path): \(String(cString: strerror(errno)))")
    }
    defer { fclose(file) }
    var text: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = fread(&block, 1, block.count, file)
      guard count > 0 else { return String(decoding: text, as: UTF8.self) }
      text += block.prefix(count)
    }
  }

  static func write(_ text: String, to path: String) throws {
    guard let file = fopen(path, "we") else {
      throw BenchFailure("\(path): \(String(cString: strerror(errno)))")
    }
    let bytes = Array(text.utf8)
    let count = fwrite(bytes, 1, bytes.count, file)
    guard fclose(file) == 0, count == bytes.count else { throw BenchFailure("\(path): not written") }
  }

  static func makeDirectory(_ path: String) throws {
    guard mkdir(path, 0o755) == 0 else {
      throw BenchFailure("\(path): \(String(cString: strerror(errno)))")
    }
  }

  /// A new directory on a tmpfs that has room for so many bytes; nil: there is none.
  static func makeMemoryDirectory(_ name: String, room: Int) throws -> String? {
    for parent in ["/dev/shm", "/run/user/\(getuid())", "/tmp"] where access(parent, W_OK) == 0 {
      let words = try Child.run(["findmnt", "-n", "-b", "-f", "-o", "FSTYPE,AVAIL", "-T", parent]).text
        .split { $0 == " " || $0 == "\n" }
      guard words.count == 2, words[0] == "tmpfs", Int(words[1]) ?? 0 >= room else { continue }
      try makeDirectory("\(parent)/\(name)")
      return "\(parent)/\(name)"
    }
    return nil
  }

  static func remove(_ path: String) throws { try Child.run(["rm", "-rf", "--", path]) }

  /// The numbers of a file of "name: N kB" lines.
  static func kibibytes(_ path: String) throws -> [Substring: Double] {
    var numbers: [Substring: Double] = [:]
    for line in try read(path).split(separator: "\n") {
      let words = line.split(separator: " ", omittingEmptySubsequences: true)
      if words.count >= 3, words[0].hasSuffix(":"), let number = Double(words[1]) {
        numbers[words[0].dropLast()] = number
      }
    }
    return numbers
  }
}

/// Waits until `condition` holds, at most a minute.
func poll(_ what: String, seconds: Double = 60, until condition: () throws -> Bool) throws {
  let end = Clock.now + seconds
  while try !condition() {
    guard Clock.now < end else { throw BenchFailure("\(what): it took longer than \(Int(seconds)) s") }
    usleep(2000)
  }
}

/// Writes at once, whatever standard output is.
func say(_ text: String, to descriptor: Int32 = STDOUT_FILENO) {
  var bytes = Array(text.utf8)[...]
  while !bytes.isEmpty {
    let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    guard count > 0 || errno == EINTR else { return }
    bytes = bytes.dropFirst(max(0, count))
  }
}

import Glibc

/// A service manager that runs a daemon, starts it again when it fails, and holds descriptors for it.
package final class ServiceManager {
  private let scratch: Scratch

  package init() throws { scratch = try Scratch() }

  /// What to run the daemon under. `gifts`: files that it holds from the start, by name.
  package func command(gifts: [String: String] = [:]) -> [String] {
    [Programs.serviceManager, scratch.path] + gifts.map { "\($0)=\($1)" } + ["--"]
  }

  /// The supervisor.
  package var mainPid: pid_t {
    pid_t(Files.text("\(scratch.path)/main").prefix { $0 != "\n" }) ?? 0
  }

  /// Names of the descriptors it holds.
  package var held: [String] { lines("held") }

  /// What it was told besides.
  package var states: [String] { lines("states") }

  private func lines(_ file: String) -> [String] {
    Files.text("\(scratch.path)/\(file)").split(separator: "\n").map(String.init)
  }

  /// Kills the supervisor. `meanwhile` is done before it is started again.
  package func killMain(_ meanwhile: () throws -> Void = {}) throws {
    let killed = mainPid
    try Files.write([], to: "\(scratch.path)/hold")
    kill(killed, SIGKILL)
    try Poll.until("the supervisor's end") { !Processes.isAlive(killed) }
    try meanwhile()
    unlink("\(scratch.path)/hold")
    try Poll.until("another supervisor") { mainPid != killed }
  }

  /// Lets what its processes leave behind be zombies, as the first process of some containers does.
  package func beLazy(_ isLazy: Bool) throws {
    let file = "\(scratch.path)/lazy"
    if isLazy { try Files.write([], to: file) } else { unlink(file) }
  }

  package func remove() { scratch.remove() }
}

/// A TCP port that is free at the moment.
package enum FreePort {
  package static func find() throws -> Int {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let status = withUnsafeMutableBytes(of: &address) { bytes in
      let raw = bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self)
      return bind(descriptor, raw, size) != 0 || getsockname(descriptor, raw, &size) != 0
    }
    guard !status else { throw CannotStart(program: "bind", code: errno) }
    return Int(UInt16(bigEndian: address.sin_port))
  }
}

import Glibc

/// OpenSSL's command: another judge of what the library made.
enum OpensslCommand {
  /// Its exit status, and what it wrote to both of its outputs.
  static func run(_ arguments: String...) throws -> (status: Int32, text: String) {
    var pipes: [Int32] = [0, 0]
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &pipes) == 0 else {
      throw Failure(description: "socketpair: \(errno)")
    }
    defer { close(pipes[0]) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, pipes[1], 1)
    posix_spawn_file_actions_adddup2(&actions, pipes[1], 2)
    let argv: [UnsafeMutablePointer<CChar>?] = (["openssl"] + arguments).map { strdup($0) } + [nil]
    defer { for text in argv { free(text) } }
    var pid: pid_t = 0
    let code = posix_spawnp(&pid, "openssl", &actions, nil, argv, environ)
    close(pipes[1])
    guard code == 0 else { throw Failure(description: "openssl: \(code)") }
    let text = readAll(pipes[0])
    var status: Int32 = 0
    guard waitpid(pid, &status, 0) == pid else { throw Failure(description: "waitpid: \(errno)") }
    return (status & 0x7f == 0 ? status >> 8 & 0xff : 128 + status & 0x7f, text)
  }

  private static func readAll(_ descriptor: Int32) -> String {
    var bytes: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = read(descriptor, &block, block.count)
      guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
      bytes += block[..<count]
    }
  }
}

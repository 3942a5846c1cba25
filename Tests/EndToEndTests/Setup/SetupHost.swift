import Glibc
import Harness
import Testing

/// What `jobd setup` finds: a home, a port that is free, and a systemctl that starts jobd with nothing but that home.
struct SetupHost {
  let scratch: Scratch
  let user: UnprivilegedUser
  let port: Int
  var home: String { scratch.path }
  var settings: String { "\(home)/.config/jobd" }
  var file: String { "\(settings)/jobd.json5" }
  var listen: String { "127.0.0.1:\(port)" }

  init(systemctl: String = SetupHost.systemctl) throws {
    user = try UnprivilegedUser()
    scratch = user.scratch
    port = try FreePort.find()
    mkdir("\(scratch.path)/bin", 0o755)
    try Programs.install(script: systemctl, at: "\(scratch.path)/bin/systemctl", scratch)
  }

  static func with(systemctl: String = SetupHost.systemctl, _ body: (SetupHost) throws -> Void) throws {
    let host = try SetupHost(systemctl: systemctl)
    defer { host.remove() }
    try body(host)
  }

  /// Notes what it is asked for.
  static let systemctl = """
    #!/bin/sh
    cd "$(dirname "$(readlink -f "$0")")/.." || exit
    echo "$*" >>called
    case "$*" in
    *"User jobd.service") echo "User=$(cat user)" ;;
    *"ActiveState jobd.socket") [ ! -e socket ] || echo ActiveState=active ;;
    *LoadState*) echo LoadState=loaded ;;
    *"ActiveState jobd.service") [ ! -e pid ] || echo ActiveState=active ;;
    *enable*) [ -e pid ] || { env -u JOBD_GRACE setsid \(Programs.jobd) </dev/null >log 2>&1 & echo $! >pid; } ;;
    esac
    """

  func run(_ program: String, _ words: [String], path: String? = nil) throws -> Finished {
    let command = user.prefix + [program] + words
    // The last is not the service's, which it would keep from starting.
    let path = path ?? "\(scratch.path)/bin:/usr/bin:/bin"
    return try Running(
      command[0], Array(command[1...]), environment: ["HOME": home, "PATH": path, "JOBD_GRACE": "none"],
      directory: scratch
    ).wait()
  }

  func setup(_ words: String..., path: String? = nil) throws -> Finished {
    try run(Programs.jobd, ["setup"] + words, path: path)
  }

  func hello() throws -> String { try run(Programs.jobctl, ["run", "echo", "hello"]).text }

  var called: [Substring] { Files.text("\(scratch.path)/called").split(separator: "\n") }
  var files: [String] { Files.list("\(settings)/pki").sorted() }

  private func remove() {
    end()
    scratch.remove()
  }

  /// The daemon that systemctl started.
  func end() {
    guard let pid = pid_t(Files.text("\(scratch.path)/pid").filter(\.isNumber)) else { return }
    unlink("\(scratch.path)/pid")
    kill(pid, SIGTERM)
    try? Poll.until("the daemon's end") { !Processes.isAlive(pid) }
  }
}

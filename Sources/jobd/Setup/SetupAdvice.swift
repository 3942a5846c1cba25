import Glibc
import JobModel

/// What to type next.
struct SetupAdvice {
  /// Whether clients can be made here.
  let hasAuthority: Bool
  let configuration: Configuration
  /// Whether --listen is taken.
  let canListenElsewhere: Bool
  let service: Service.Outcome

  func tell() {
    let lines = lines
    let width = lines.map(\.command.count).max() ?? 0
    print("next:")
    for (command, meaning) in lines {
      print("  \(command)\(String(repeating: " ", count: width - command.count))  # \(meaning)")
    }
  }

  private var lines: [(command: String, meaning: String)] {
    var lines: [(String, String)] = []
    if service == .none { lines.append(("jobd", "starts it: no systemd with its unit answers")) }
    if hasAuthority {
      lines.append(("jobctl run echo hello", "a first job"))
      lines.append(("jobctl ca client NAME", "one more client, and what to type where it is"))
    }
    if isLoopback, canListenElsewhere {
      lines.append(
        ("jobd setup --listen 0.0.0.0:\(configuration.listenPort)", "lets clients of other hosts in"))
    }
    if case .serves(_, isService: true) = service, geteuid() != 0 {
      lines.append(("loginctl enable-linger", "has it run while you are not logged in"))
    }
    return lines
  }

  private var isLoopback: Bool {
    ["localhost", "::1"].contains(configuration.listenHost) || configuration.listenHost.hasPrefix("127.")
  }
}

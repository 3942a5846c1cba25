import Glibc

/// An sshd on loopback with a client's connection to it that others share.
final class Ssh {
  let command: [String]
  private let server: Child
  private let master: Child

  init(_ bench: Bench) throws {
    let directory = bench.path("ssh")
    try Files.makeDirectory(directory)
    chmod(directory, 0o700)
    for name in ["host", "user"] {
      try Child.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "\(directory)/\(name)"])
    }
    try Files.write(try Files.read("\(directory)/user.pub"), to: "\(directory)/authorized")
    mkdir("/run/sshd", 0o755)
    server = try Child(
      [
        "/usr/sbin/sshd", "-D", "-e", "-f", "/dev/null", "-h", "\(directory)/host", "-p", "17603", "-o",
        "ListenAddress=127.0.0.1", "-o", "AuthorizedKeysFile=\(directory)/authorized", "-o", "StrictModes=no",
        "-o",
        "PermitRootLogin=yes", "-o", "PidFile=none", "-o", "UsePAM=no",
      ], log: "\(directory)/sshd.log")
    let options = [
      "-F", "/dev/null", "-i", "\(directory)/user", "-o", "StrictHostKeyChecking=no", "-o",
      "UserKnownHostsFile=\(directory)/known", "-o", "ControlPath=\(directory)/control", "-p", "17603",
    ]
    // Until sshd listens: it says nothing when it does.
    let socket = "\(directory)/control"
    usleep(300_000)
    master = try Child(["ssh"] + options + ["-M", "-N", "127.0.0.1"], log: "\(directory)/master.log")
    try poll("ssh connects", seconds: 10) { access(socket, F_OK) == 0 }
    command = ["ssh"] + options + ["127.0.0.1"]
  }

  deinit {
    for child in [master, server] {
      child.signal(SIGTERM)
      child.wait()
    }
  }
}

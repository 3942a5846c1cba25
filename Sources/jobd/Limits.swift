import Glibc
import Platform

/// Limits of the process.
enum Limits {
  /// What whoever started this process left open is nobody else's, but the sockets a service manager brought
  /// (sd_listen_fds(3)).
  static func closeInheritedOnExec() {
    let environment = Environment.all
    let brought = environment["LISTEN_PID"] == "\(getpid())" ? Int32(environment["LISTEN_FDS"] ?? "") ?? 0 : 0
    for descriptor in Directory.names("/proc/self/fd").compactMap({ Int32($0) }) where descriptor > 2 {
      _ = fcntl(descriptor, F_SETFD, Int64(descriptor) < 3 + Int64(max(0, brought)) ? 0 : FD_CLOEXEC)
    }
  }

  /// Where the service manager protects the daemon from being ended when memory runs out, the keeper keeps all of it, the
  /// others less, and jobs nothing (proc_pid_oom_score_adj(5)).
  static func raiseOomScore(to score: Int) {
    let path = "/proc/self/oom_score_adj"
    guard let bytes = try? SmallFile.read(path, most: 16),
      let now = Int(String(decoding: bytes, as: UTF8.self).split(separator: "\n").first ?? ""), now < score
    else { return }
    let file = open(path, O_WRONLY | O_CLOEXEC)
    guard file >= 0 else { return }
    let text = Array("\(score)".utf8)
    _ = write(file, text, text.count)
    close(file)
  }
}

import Glibc

/// A larger share of the processors than a job's: clients are answered while jobs keep all of them busy. Since Linux 6.6
/// a stream of short processes, each new to the scheduler, else keeps one waiting for a tenth of a second that has
/// worked much just before.
enum ProcessorShare {
  private static let nice: Int32 = -5

  /// Of this thread, and of those that it makes from now on. It stays as it is where this process may not (sched(7)).
  static func raise() {
    guard setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, nice) == 0 else { return }
    // Where sessions are scheduled as groups, it is the group's that counts.
    let file = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC)
    guard file >= 0 else { return }
    let text = Array("\(nice)\n".utf8)
    _ = write(file, text, text.count)
    close(file)
  }
}

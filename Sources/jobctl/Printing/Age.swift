import Glibc

enum Age {
  /// Milliseconds since 1970.
  static func now() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
  }

  static func text(seconds: Int64) -> String {
    switch seconds {
    case ..<0: "0s"
    case 0..<120: "\(seconds)s"
    case 120..<7200: "\(seconds / 60)m"
    case 7200..<172_800: "\(seconds / 3600)h"
    default: "\(seconds / 86400)d"
    }
  }
}

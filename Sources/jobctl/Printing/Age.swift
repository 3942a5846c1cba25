enum Age {
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

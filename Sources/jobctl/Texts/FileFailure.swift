import FoundationEssentials
import Platform

/// What went wrong with a file that Foundation was to read or write.
enum FileFailure {
  static func inWords(_ error: CocoaError) -> String {
    let path = error.userInfo["NSFilePath"] as? String ?? "a file"
    let cause = error.userInfo["NSUnderlyingError"] as? POSIXError
    return "cannot use \(path): \(cause.map { SystemError.text(of: $0.code.rawValue) } ?? "\(error.code)")"
  }
}

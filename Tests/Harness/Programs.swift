import Glibc

/// Where the built programs are: beside the test bundle.
package enum Programs {
  package static let directory: String = {
    var path = Array(repeating: CChar(0), count: 4096)
    let count = readlink("/proc/self/exe", &path, path.count - 1)
    let own = String(decoding: path.prefix(max(0, count)).map(UInt8.init(bitPattern:)), as: UTF8.self)
    return String(own[..<(own.lastIndex(of: "/") ?? own.endIndex)])
  }()

  package static var jobd: String { "\(directory)/jobd" }
  static var serviceManager: String { "\(directory)/fake-service-manager" }
  package static var jobctl: String { "\(directory)/jobctl" }
  /// The benchmark's client of thousands of connections.
  package static var loadgen: String { "\(directory)/loadgen" }
}

import CJobLoop
import Glibc
import JobModel
import Platform

/// The listening sockets, one for each worker of the api process: bound here or brought by the service manager
/// (LISTEN_FDS, sd_listen_fds(3)). The keeper holds them, so that connections wait in them whatever process is
/// replaced.
final class Listeners {
  private(set) var descriptors: [Int32] = []
  /// As `address:port`, with the port that was bound.
  let address: String
  private let keeper: Keeper
  /// By the service manager, whatever the configuration says.
  let isBrought: Bool
  /// Those that the keeper holds.
  private var names: [String] = []

  /// Names under which the keeper holds them. Those that were brought have the first, those of this daemon the second,
  /// with the address that was asked for: a successor that is to listen elsewhere does not take them.
  private static let brought = "listener."
  private static let bound = "bound."

  static func isName(_ name: String) -> Bool { name.hasPrefix(brought) || name.hasPrefix(bound) }

  /// `held`: those of the supervisor before; what is not wanted of them is let go once there are others.
  /// `patience`: milliseconds that the api process of a daemon that was killed may need to end.
  init(_ configuration: Configuration, _ held: [Keeper.Held], _ keeper: Keeper, patience: Int) throws {
    let (host, port) = (configuration.listenHost, configuration.listenPort)
    let own = "\(Self.bound)\(StableHash.text("\(host):\(port)"))."
    let isBrought = held.contains { $0.name.hasPrefix(Self.brought) }
    self.isBrought = isBrought
    var used = held.filter { $0.name.hasPrefix(isBrought ? Self.brought : own) }.sorted { $0.name < $1.name }
    if !isBrought { used = Array(used.prefix(configuration.workers)) }
    self.keeper = keeper
    descriptors = used.map(\.descriptor)
    names = used.map(\.name)
    // Another address with the port of the supervisor before is free but for that.
    if try descriptors.isEmpty && !held.contains(where: { try Self.port(of: $0.descriptor) == port }) {
      try Self.requireFree(configuration, patience)
    }
    var boundPort = try descriptors.first.map { try Self.port(of: $0) } ?? port
    for index in descriptors.count..<max(descriptors.count, configuration.workers) where !isBrought {
      descriptors.append(try Self.bind(host, &boundPort))
      names.append("\(own)\(index)")
      try keeper.hold(descriptors[index], as: names[index])
    }
    address = isBrought ? try Self.address(of: descriptors[0]) : Self.text(host, "\(boundPort)")
    if isBrought {
      for socket in descriptors { try SystemError.check(jc_listen_tune(socket), "set up a listening socket") }
      try shareAmongWorkers(configuration.workers)
    }
    for unused in held where !names.contains(unused.name) {
      Glibc.close(unused.descriptor)
      keeper.release(unused.name)
    }
  }

  static func bind(_ host: String, _ port: inout UInt16) throws(DaemonError) -> Int32 {
    var error = [CChar](repeating: 0, count: Int(JC_ERROR_SIZE))
    var descriptor: Int32 = -1
    let status = jc_listen(host, port, true, &descriptor, &port, &error)
    guard status == 0 else { throw DaemonError(cText: error) }
    return descriptor
  }

  /// The workers' sockets share their port, so that another daemon of the same user could share it too, and each
  /// would get some of the other's connections. A socket that does not share finds such a one.
  static func requireFree(_ configuration: Configuration, _ patience: Int) throws(DaemonError) {
    guard configuration.listenPort != 0 else { return }
    var error = [CChar](repeating: 0, count: Int(JC_ERROR_SIZE))
    var descriptor: Int32 = -1
    var port = configuration.listenPort
    for waited in 0... {
      let status = jc_listen(configuration.listenHost, port, false, &descriptor, &port, &error)
      if status == 0 { break }
      guard status == -EADDRINUSE, waited * 10 < patience else { throw DaemonError(cText: error) }
      usleep(10_000)
    }
    Glibc.close(descriptor)
  }

  /// A service manager may bring fewer sockets than there are workers, or more.
  private func shareAmongWorkers(_ workers: Int) throws(SystemError) {
    let brought = descriptors.count
    for index in brought..<max(brought, workers) {
      let copy = fcntl(descriptors[index % brought], F_DUPFD_CLOEXEC, 3)
      guard copy >= 0 else { throw SystemError(errno, "copy a listening socket") }
      descriptors.append(copy)
    }
    for descriptor in descriptors { _ = fcntl(descriptor, F_SETFL, O_RDWR | O_NONBLOCK) }
  }

  private static func address(of descriptor: Int32) throws(DaemonError) -> String {
    let (host, port) = try name(of: descriptor)
    return text(host, port)
  }

  private static func port(of descriptor: Int32) throws(DaemonError) -> UInt16 {
    UInt16(try name(of: descriptor).port) ?? 0
  }

  private static func name(of descriptor: Int32) throws(DaemonError) -> (host: String, port: String) {
    var storage = sockaddr_storage()
    var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
    var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
    var port = [CChar](repeating: 0, count: Int(NI_MAXSERV))
    let flags = Int32(NI_NUMERICHOST | NI_NUMERICSERV)
    let isKnown = withUnsafeMutableBytes(of: &storage) { raw in
      let address = raw.baseAddress!.assumingMemoryBound(to: sockaddr.self)
      return getsockname(descriptor, address, &size) == 0
        && [AF_INET, AF_INET6].contains(Int32(address.pointee.sa_family))
        && getnameinfo(
          address, size, &host, socklen_t(host.count), &port, socklen_t(port.count), flags) == 0
    }
    guard isKnown else { throw DaemonError("the service manager brought a socket that is none of TCP") }
    return (text(of: host), text(of: port))
  }

  private static func text(of characters: [CChar]) -> String {
    String(decoding: characters.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  private static func text(_ host: String, _ port: String) -> String {
    host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
  }

  /// Nobody listens any more: who connects is refused.
  func close() {
    for name in names { keeper.release(name) }
    for descriptor in descriptors { Glibc.close(descriptor) }
    (descriptors, names) = ([], [])
  }
}

import CJobLoop
import Glibc
import JobModel

/// The listening sockets, one for each worker of the api process. The supervisor binds them, so that connections
/// wait in them while one api process takes over from another.
final class Listeners {
  private(set) var descriptors: [Int32] = []
  /// As `address:port`, with the port that was bound.
  let address: String

  /// Attempts, a hundredth of a second apart.
  private static let patience = 300

  /// Those of the predecessor in this process, if it handed over as many as are wanted at this address.
  /// `afterCrash`: the api process of a supervisor that was killed may still be on its way out.
  init(_ configuration: Configuration, _ handed: Handover?, afterCrash: Bool) throws(DaemonError) {
    if let handed, handed.listeners.count == configuration.workers {
      (descriptors, address) = (handed.listeners, handed.address)
      keepAcrossExec(false)
      return
    }
    for descriptor in handed?.listeners ?? [] { Glibc.close(descriptor) }
    if handed == nil { try Self.requireFree(configuration, patience: afterCrash ? Self.patience : 0) }
    var error = [CChar](repeating: 0, count: Int(JC_ERROR_SIZE))
    var port = configuration.listenPort
    for _ in 0..<configuration.workers {
      var descriptor: Int32 = -1
      let status = jc_listen(configuration.listenHost, port, true, &descriptor, &port, &error)
      guard status == 0 else { throw DaemonError(cText: error) }
      descriptors.append(descriptor)
    }
    let host = configuration.listenHost
    address = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
  }

  /// The workers' sockets share their port, so that another daemon of the same user could share it too, and each
  /// would get some of the other's connections. A socket that does not share finds such a one.
  private static func requireFree(_ configuration: Configuration, patience: Int) throws(DaemonError) {
    guard configuration.listenPort != 0 else { return }
    var error = [CChar](repeating: 0, count: Int(JC_ERROR_SIZE))
    var descriptor: Int32 = -1
    var port = configuration.listenPort
    for attempt in 0... {
      let status = jc_listen(configuration.listenHost, port, false, &descriptor, &port, &error)
      if status == 0 { break }
      guard status == -EADDRINUSE, attempt < patience else { throw DaemonError(cText: error) }
      usleep(10_000)
    }
    Glibc.close(descriptor)
  }

  deinit { close() }

  func keepAcrossExec(_ keeps: Bool) {
    for descriptor in descriptors { _ = fcntl(descriptor, F_SETFD, keeps ? 0 : FD_CLOEXEC) }
  }

  func close() {
    for descriptor in descriptors { Glibc.close(descriptor) }
    descriptors = []
  }
}

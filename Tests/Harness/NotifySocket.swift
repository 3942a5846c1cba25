import Glibc

/// Where a service manager listens to what its services tell it (sd_notify(3)). One thread.
package final class NotifySocket {
  private let descriptor: Int32
  /// For NOTIFY_SOCKET.
  package let address: String
  private var told: [String] = []

  package init(_ scratch: Scratch) throws {
    address = scratch.fresh("notify")
    descriptor = try DatagramSocket.bound(to: address)
  }

  deinit { close(descriptor) }

  /// Each line it was told so far.
  package var lines: [String] {
    var buffer = [UInt8](repeating: 0, count: 4096)
    while case let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT)), count > 0 {
      told += String(decoding: buffer.prefix(count), as: UTF8.self).split(separator: "\n").map(String.init)
    }
    return told
  }
}

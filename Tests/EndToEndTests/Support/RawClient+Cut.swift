import Glibc
import Harness

extension RawClient {
  /// Whether the daemon has hung up, once all that came before is read.
  var isCut: Bool {
    var byte: UInt8 = 0
    let count = recv(descriptor, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT))
    return count == 0 || (count < 0 && errno != EAGAIN)
  }
}

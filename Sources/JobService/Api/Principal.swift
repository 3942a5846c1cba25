import CJobHTTP
import JobAPI
import JobModel

/// Who is asking, and what rights they have: made at a connection's handshake, and handed to every route. One thread at a
/// time.
final class Principal {
  /// No other connection of this process has or had it.
  private let number: UInt64
  /// Its index in the ``ClientTable``.
  let client: Int
  let peer: Peer
  private let link: ApiLink
  private var isTold = false

  init(_ number: UInt64, _ client: Int, _ peer: Peer, _ link: ApiLink) {
    (self.number, self.client, self.peer, self.link) = (number, client, peer, link)
  }

  deinit { if isTold { link.send(.peerGone(number: number)) } }

  var name: String { peer.name }

  /// For requests to the supervisor, which is told first who that is.
  var by: UInt64 {
    if !isTold {
      link.send(.peer(number: number, peer))
      isTold = true
    }
    return number
  }
}

extension Peer {
  init(_ peer: jc_peer, _ name: String, _ role: Role) {
    self.init(
      name: name, role: role, serial: String(cString: peer.serial),
      fingerprint: String(cString: peer.fingerprint), address: String(cString: peer.address))
  }
}

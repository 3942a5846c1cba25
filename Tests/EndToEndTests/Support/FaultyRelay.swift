import Glibc
import Harness
import Synchronization

import class Harness.Thread

/// Passes connections on to a port of this host, and lets the first ones down once they have carried enough to the
/// server.
final class FaultyRelay: @unchecked Sendable {
  // The list of threads is the accepting one's until `stop` has joined it.
  enum Fault: Sendable {
    /// Nothing is passed on any longer, and the connection stays open.
    case stalls
    /// The connection is closed.
    case cuts
  }

  let port: Int
  private let listener: Int32
  private let fault: Fault
  private let bytes: Int
  private let state: Mutex<State>
  private var accepting: Thread?
  private var relaying: [Thread] = []

  private struct State {
    var faults: Int
    var isOver = false
    /// How often all connections were closed.
    var cuts = 0
  }

  /// `faults`: so many connections are let down after `bytes` each.
  init(to target: Int, _ fault: Fault, after bytes: Int, faults: Int) throws {
    listener = try LoopbackListener.open()
    port = try LoopbackListener.port(of: listener)
    (self.fault, self.bytes) = (fault, bytes)
    state = Mutex(State(faults: faults))
    accepting = Thread { [self] in
      while true {
        let client = accept(listener, nil, nil)
        guard client >= 0 else { return }
        _ = fcntl(client, F_SETFD, FD_CLOEXEC)
        let thread = Thread { [self] in
          if let server = try? RawClient.connect(UInt16(target)) {
            relay(client, server)
            close(server)
          }
          close(client)
        }
        relaying.append(thread)
      }
    }
  }

  /// Connections that are still to be let down.
  func faultsLeft() -> Int { state.withLock { $0.faults } }

  /// Closes all connections that there are.
  func cutAll() { state.withLock { $0.cuts += 1 } }

  func stop() {
    shutdown(listener, Int32(SHUT_RDWR))
    state.withLock { $0.isOver = true }
    accepting?.join()
    for thread in relaying { thread.join() }
    close(listener)
  }

  private func isLetDown(after carried: Int) -> Bool {
    state.withLock { state in
      guard carried >= bytes, state.faults > 0 else { return false }
      state.faults -= 1
      return true
    }
  }

  private func relay(_ client: Int32, _ server: Int32) {
    var buffer = [UInt8](repeating: 0, count: 16384)
    var carried = 0
    let cuts = state.withLock { $0.cuts }
    while !state.withLock({ $0.isOver || $0.cuts != cuts }) {
      var both = [client, server].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
      guard poll(&both, 2, 100) >= 0 else { return }
      for (from, to) in [(0, server), (1, client)] where both[from].revents != 0 {
        let count = recv(both[from].fd, &buffer, buffer.count, 0)
        guard count > 0, passOn(buffer[..<count], to) else { return }
        if from == 0 { carried += count }
      }
      if isLetDown(after: carried) { return letDown() }
    }
  }

  private func letDown() {
    guard fault == .stalls else { return }
    while !state.withLock({ $0.isOver }) { poll(nil, 0, 50) }
  }

  private func passOn(_ bytes: ArraySlice<UInt8>, _ to: Int32) -> Bool {
    var rest = bytes
    while !rest.isEmpty, !state.withLock({ $0.isOver }) {
      var ready = pollfd(fd: to, events: Int16(POLLOUT), revents: 0)
      guard poll(&ready, 1, 100) >= 0 else { return false }
      if ready.revents == 0 { continue }
      let sent = rest.withUnsafeBytes {
        send(to, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
      }
      if sent < 0, errno == EAGAIN { continue }
      guard sent > 0 else { return false }
      rest = rest.dropFirst(sent)
    }
    return true
  }
}

/// A listening socket on the loopback address.
private enum LoopbackListener {
  static func open() throws -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    (address.sin_family, address.sin_addr.s_addr) = (sa_family_t(AF_INET), inet_addr("127.0.0.1"))
    let isOpen = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0 && listen(descriptor, 16) == 0
      }
    }
    guard isOpen else { throw Poll.TimeIsUp(description: "cannot listen: \(errno)") }
    return descriptor
  }

  static func port(of descriptor: Int32) throws -> Int {
    var address = sockaddr_in()
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let status = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
    }
    guard status == 0 else { throw Poll.TimeIsUp(description: "no port: \(errno)") }
    return Int(UInt16(bigEndian: address.sin_port))
  }
}

import Glibc
import Harness

import class Harness.Thread

/// An HTTP proxy on the loopback address that knows CONNECT: whatever host it is asked for, it leads to one port of this
/// host.
final class ConnectProxy: @unchecked Sendable {
  // The lists are the accepting thread's until `stop` has joined it.
  let port: Int
  private(set) var heads: [String] = []
  /// What went to the server.
  private(set) var sent: [UInt8] = []
  private let listener: Int32
  private var thread: Thread?

  /// `credentials`: what a client has to send, in base64; nil: nothing. `refusal`: the status line for all.
  init(to target: Int, credentials: String? = nil, refusal: String? = nil) throws {
    listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    (address.sin_family, address.sin_addr.s_addr) = (sa_family_t(AF_INET), inet_addr("127.0.0.1"))
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let listener = listener
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, size) == 0 && listen(listener, 16) == 0 && getsockname(listener, $0, &size) == 0
      }
    }
    guard isBound else { throw Poll.TimeIsUp(description: "cannot listen: \(errno)") }
    port = Int(UInt16(bigEndian: address.sin_port))
    thread = Thread { [self] in
      while true {
        let client = accept(listener, nil, nil)
        guard client >= 0 else { return }
        _ = fcntl(client, F_SETFD, FD_CLOEXEC)
        serve(client, target, credentials, refusal)
        close(client)
      }
    }
  }

  /// After the clients have gone.
  func stop() {
    shutdown(listener, Int32(SHUT_RDWR))
    thread?.join()
    close(listener)
  }

  private func serve(_ client: Int32, _ target: Int, _ credentials: String?, _ refusal: String?) {
    var head: [UInt8] = []
    var byte: UInt8 = 0
    while !head.suffix(4).elementsEqual("\r\n\r\n".utf8), recv(client, &byte, 1, 0) == 1 { head.append(byte) }
    let text = String(decoding: head, as: UTF8.self)
    heads.append(text)
    let isKnown = credentials.map { text.contains("\r\nProxy-Authorization: Basic \($0)\r\n") } ?? true
    let answer = refusal ?? (isKnown ? "200 Connection established" : "407 Proxy Authentication Required")
    let bytes = Array("HTTP/1.1 \(answer)\r\n\r\n".utf8)
    send(client, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    if answer.hasPrefix("200") { relay(client, target) }
  }

  private func relay(_ client: Int32, _ target: Int) {
    let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    defer { close(server) }
    var address = sockaddr_in()
    (address.sin_family, address.sin_addr.s_addr) = (sa_family_t(AF_INET), inet_addr("127.0.0.1"))
    address.sin_port = UInt16(target).bigEndian
    let isConnected = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(server, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
    guard isConnected else { return }
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
      var both = [client, server].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
      guard poll(&both, 2, 60_000) > 0 else { return }
      for (from, to) in [(0, server), (1, client)] where both[from].revents != 0 {
        let count = recv(both[from].fd, &buffer, buffer.count, 0)
        guard count > 0 else { return }
        if from == 0 { sent += buffer[..<count] }
        send(to, buffer, count, Int32(MSG_NOSIGNAL))
      }
    }
  }
}

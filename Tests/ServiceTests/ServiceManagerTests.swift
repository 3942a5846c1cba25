import Glibc
import Testing

import class Harness.WatchedDescriptor

@testable import JobLoop
@testable import JobModel
@testable import JobSupervisor

/// Messages to a service manager that does not keep up, or is not there.
struct ServiceManagerTests {
  /// A socket with an abstract name that the test reads, and a manager that writes to it.
  private func make(_ loop: EventLoop) throws -> (Int32, ServiceManager) {
    let name = "jobd-test-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
    let receiver = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { path in
      for (index, byte) in name.utf8.enumerated() { path[index + 1] = byte }
    }
    let size = socklen_t(MemoryLayout<sa_family_t>.size + 1 + name.utf8.count)
    let status = withUnsafeBytes(of: &address) {
      bind(receiver, $0.baseAddress!.assumingMemoryBound(to: sockaddr.self), size)
    }
    try #require(status == 0)
    return (receiver, try ServiceManager(loop, "@\(name)", log: Log(level: .error)))
  }

  private func receive(_ receiver: Int32) -> String? {
    var buffer = [UInt8](repeating: 0, count: 512)
    let count = recv(receiver, &buffer, buffer.count, 0)
    return count < 0 ? nil : String(decoding: buffer.prefix(count), as: UTF8.self)
  }

  @Test func whatItHasNoRoomForIsSentLaterInOrder() throws {
    let loop = try EventLoop()
    let (receiver, manager) = try make(loop)
    defer { close(receiver) }
    for number in 0..<5000 { manager.letGo("\(number)") }
    #expect(!manager.isIdle)
    let last = try WatchedDescriptor()
    manager.hold(last.descriptor, as: "last")
    #expect(last.isOpen, "open until it was sent")
    var received: [String] = []
    while !manager.isIdle {
      while let text = receive(receiver) { received.append(text) }
      try loop.step(wait: true)
    }
    while let text = receive(receiver) { received.append(text) }
    #expect(received.dropLast() == (0..<5000).map { "FDSTOREREMOVE=1\nFDNAME=\($0)" }[...])
    #expect(received.last == "FDSTORE=1\nFDPOLL=0\nFDNAME=last")
    try last.waitUntilClosed()
  }

  @Test func oneThatIsGoneHoldsNobodyUp() throws {
    let (receiver, manager) = try make(EventLoop())
    close(receiver)
    manager.notify(.stopping)
    manager.hold(open("/dev/null", O_RDONLY | O_CLOEXEC), as: "x")
    #expect(manager.isIdle)
  }
}

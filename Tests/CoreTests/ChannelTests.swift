import CJobLoop
import Glibc
import Testing

import class Harness.Thread

/// Framed messages over a socketpair, both ends on one loop that the test steps.
struct ChannelTests {
  final class End {
    var channel: OpaquePointer?
    var messages: [[UInt8]] = []
    var closed: [Int32] = []
    var freeOnMessage = false

    static func of(_ context: UnsafeMutableRawPointer?) -> End {
      Unmanaged<End>.fromOpaque(context!).takeUnretainedValue()
    }

    init(_ loop: OpaquePointer, _ descriptor: Int32, max: Int) throws {
      var events = jc_channel_events(
        message: { context, bytes, length in
          let end = End.of(context)
          end.messages.append(Array(UnsafeBufferPointer(start: bytes, count: length)))
          if end.freeOnMessage { end.free() }
        }, closed: { End.of($0).closed.append($1) })
      let context = Unmanaged.passUnretained(self).toOpaque()
      try #require(jc_channel_new(loop, descriptor, max, &events, context, &channel) == 0)
    }

    func send(_ bytes: [UInt8]) -> Int32 { jc_channel_send(channel!, bytes, bytes.count) }
    func free() {
      jc_channel_free(channel)
      channel = nil
    }
  }

  private func withPair(max: Int = 1 << 20, _ body: (OpaquePointer, End, End) throws -> Void) throws {
    var loop: OpaquePointer?
    try #require(jc_loop_new(&loop) == 0)
    let (first, second) = try Self.sockets()
    let (a, b) = (try End(loop!, first, max: max), try End(loop!, second, max: max))
    try body(loop!, a, b)
    a.free()
    b.free()
    jc_loop_free(loop)
  }

  private static func sockets() throws -> (Int32, Int32) {
    var ends: [Int32] = [0, 0]
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    try #require(socketpair(AF_UNIX, kind, 0, &ends) == 0)
    return (ends[0], ends[1])
  }

  private func step(_ loop: OpaquePointer, until done: () -> Bool) {
    for _ in 0..<100_000 where !done() { #expect(jc_loop_step(loop, false) == 0) }
    #expect(done())
  }

  @Test func messagesArriveWholeAndInOrder() throws {
    try withPair { loop, a, b in
      let sent: [[UInt8]] = (0..<1000).map { [UInt8](repeating: UInt8($0 % 251), count: $0) }
      for message in sent { #expect(a.send(message) == 0) }
      // What the kernel took at once is not queued.
      #expect(jc_channel_queued(a.channel!) < sent.reduce(0) { $0 + $1.count + 4 })
      step(loop) { b.messages.count == sent.count }
      #expect(b.messages == sent)
      #expect(jc_channel_queued(a.channel!) == 0 && a.closed.isEmpty && b.closed.isEmpty)
    }
  }

  @Test func bothWays() throws {
    try withPair { loop, a, b in
      #expect(a.send([1]) == 0 && b.send([2]) == 0)
      step(loop) { a.messages.count == 1 && b.messages.count == 1 }
      #expect(a.messages == [[2]] && b.messages == [[1]])
    }
  }

  /// Larger than any socket buffer: it leaves in parts.
  @Test func aMessageOfTheLargestSize() throws {
    try withPair(max: 8 << 20) { loop, a, b in
      let large = (0..<(8 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31) }
      #expect(a.send(large) == 0 && a.send([7]) == 0)
      step(loop) { b.messages.count == 2 }
      #expect(b.messages == [large, [7]])
    }
  }

  @Test func aMessageOverTheLimitIsNotTaken() throws {
    try withPair(max: 10) { _, a, _ in
      #expect(a.send([UInt8](repeating: 0, count: 11)) == -EMSGSIZE)
      #expect(jc_channel_queued(a.channel!) == 0)
    }
  }

  @Test func aFrameOverTheLimitBreaksTheChannel() throws {
    var loop: OpaquePointer?
    try #require(jc_loop_new(&loop) == 0)
    let (mine, theirs) = try Self.sockets()
    let end = try End(loop!, theirs, max: 10)
    let bytes: [UInt8] = [1, 0, 0, 0, 9, 11, 0, 0, 0] + [UInt8](repeating: 0, count: 11)
    #expect(write(mine, bytes, bytes.count) == bytes.count)
    step(loop!) { !end.closed.isEmpty }
    #expect(end.messages == [[9]] && end.closed == [-EPROTO])
    #expect(end.send([1]) == -EPIPE)
    #expect(jc_loop_step(loop!, false) == 0)
    #expect(end.closed.count == 1)
    end.free()
    close(mine)
    jc_loop_free(loop)
  }

  /// The last messages of a peer that is gone are delivered before it is told of.
  @Test func lastMessagesOfAPeerThatLeft() throws {
    try withPair { loop, a, b in
      #expect(a.send([1]) == 0 && a.send([2]) == 0)
      step(loop) { jc_channel_queued(a.channel!) == 0 }
      a.free()
      #expect(b.send([3]) == 0)
      step(loop) { !b.closed.isEmpty }
      #expect(b.messages == [[1], [2]] && b.closed == [0])
    }
  }

  @Test func freedInsideItsOwnCallback() throws {
    try withPair { loop, a, b in
      b.freeOnMessage = true
      for value in 0..<3 { #expect(a.send([UInt8(value)]) == 0) }
      step(loop) { !a.closed.isEmpty }
      #expect(b.messages == [[0]] && b.closed.isEmpty && a.closed == [0])
    }
  }

  @Test func sentFromManyThreads() throws {
    try withPair { loop, a, b in
      let threads = (0..<4).map { _ in
        Thread { [channel = UncheckedPointer(UnsafeMutableRawPointer(a.channel!))] in
          for _ in 0..<500 { _ = jc_channel_send(OpaquePointer(channel.value), "abc", 3) }
        }
      }
      while b.messages.count < 2000 { #expect(jc_loop_step(loop, true) == 0) }
      for thread in threads { thread.join() }
      #expect(b.messages.allSatisfy { $0 == Array("abc".utf8) })
    }
  }
}

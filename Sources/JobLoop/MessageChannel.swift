import CJobLoop
import Platform

/// One end of the socketpair between supervisor and api process. Owns the C channel; made and released on its
/// loop's thread, while ``send(_:)`` may be called from any.
package final class MessageChannel: @unchecked Sendable {
  // The pointer is set once in init; jc_channel_send locks inside.
  private var channel: OpaquePointer?
  private let onMessage: (UnsafeRawBufferPointer) -> Void
  private let onClosed: (Int32) -> Void

  /// The largest message: a body of the API's largest size, told as it came, and what is around it.
  package static let maxMessage = 16 << 20

  /// Takes over `descriptor`. `onMessage` and `onClosed` (0, or a negative errno) are called on the loop's thread.
  package init(
    loop: EventLoop, descriptor: Int32, onMessage: @escaping (UnsafeRawBufferPointer) -> Void,
    onClosed: @escaping (Int32) -> Void
  ) throws(SystemError) {
    self.onMessage = onMessage
    self.onClosed = onClosed
    var events = jc_channel_events(
      message: { context, bytes, length in
        MessageChannel.of(context).onMessage(UnsafeRawBufferPointer(start: bytes, count: length))
      },
      closed: { context, error in MessageChannel.of(context).onClosed(error) })
    var made: OpaquePointer?
    let status = jc_channel_new(
      loop.handle, descriptor, Self.maxMessage, &events, Unmanaged.passUnretained(self).toOpaque(), &made)
    guard status == 0 else { throw SystemError(status, "open a channel") }
    channel = made
  }

  private static func of(_ context: UnsafeMutableRawPointer?) -> MessageChannel {
    Unmanaged<MessageChannel>.fromOpaque(context!).takeUnretainedValue()
  }

  deinit { jc_channel_free(channel) }

  /// Queues a message. False when the peer is gone or the message too large.
  @discardableResult
  package func send(_ bytes: [UInt8]) -> Bool {
    guard let channel else { return false }
    return bytes.withUnsafeBytes { jc_channel_send(channel, $0.baseAddress!, $0.count) } == 0
  }

  /// Bytes the kernel has not taken yet.
  package var queued: Int { channel.map { jc_channel_queued($0) } ?? 0 }
}

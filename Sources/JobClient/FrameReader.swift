import JobAPI

/// Puts ``LogFrame``s together from the pieces in which they come.
struct FrameReader {
  /// The beginning of a frame whose rest has not come.
  private var pending: [UInt8] = []

  /// Calls `handle` with each frame that is whole now.
  mutating func add(
    _ bytes: UnsafeRawBufferPointer, _ handle: (LogFrame, UnsafeRawBufferPointer) throws -> Void
  ) throws {
    guard !pending.isEmpty else {
      let used = try Self.read(bytes, handle)
      pending.append(contentsOf: bytes[used...])
      return
    }
    pending.append(contentsOf: bytes)
    let used = try pending.withUnsafeBytes { try Self.read($0, handle) }
    pending.removeFirst(used)
  }

  /// Handles the frames that are whole; the number of bytes they take.
  private static func read(
    _ bytes: UnsafeRawBufferPointer, _ handle: (LogFrame, UnsafeRawBufferPointer) throws -> Void
  ) throws -> Int {
    var used = 0
    while bytes.count - used >= LogFrame.headerSize {
      guard let frame = LogFrame(header: UnsafeRawBufferPointer(rebasing: bytes[used...])) else {
        throw ClientError.malformed(
          "the log's frames are not understood: is the server jobd of this version?")
      }
      let end = used + LogFrame.headerSize + Int(frame.length)
      guard end <= bytes.count else { return used }
      try handle(frame, UnsafeRawBufferPointer(rebasing: bytes[(used + LogFrame.headerSize)..<end]))
      used = end
    }
    return used
  }
}

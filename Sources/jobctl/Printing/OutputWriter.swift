import Glibc
import JobClient

/// A job's output on its way to jobctl's stdout and stderr. Small pieces are put together until the end of what came at
/// once; big ones go straight through.
final class OutputWriter: LogFollower.Taker {
  private var buffer: [UInt8] = []
  private var stream = OutputStream.stdout
  private static let size = 1 << 16

  func take(_ piece: LogPiece) throws { try write(piece.bytes, to: piece.stream) }

  func write(_ bytes: UnsafeRawBufferPointer, to stream: OutputStream) throws {
    if stream != self.stream || buffer.count + bytes.count > Self.size { try flush() }
    self.stream = stream
    guard bytes.count < Self.size else { return try Terminal.write(bytes, to: stream.descriptor) }
    buffer.append(contentsOf: bytes)
  }

  func flush() throws {
    guard !buffer.isEmpty else { return }
    defer { buffer.removeAll(keepingCapacity: true) }
    try buffer.withUnsafeBytes { try Terminal.write($0, to: stream.descriptor) }
  }
}

extension OutputStream {
  var descriptor: Int32 { self == .stdout ? STDOUT_FILENO : STDERR_FILENO }
}

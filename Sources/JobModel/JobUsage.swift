import JobAPI

/// What the processes of a running job use.
package struct JobUsage: Equatable, Sendable, ByteValue {
  package var id: JobID
  /// CPU time in microseconds.
  package var userTime: UInt64
  package var systemTime: UInt64
  /// Bytes in memory now, and at most so far; nil: not known.
  package var memory: UInt64?
  package var peakMemory: UInt64?
  /// Microseconds for which its limit of CPUs held it back; nil: not known.
  package var throttled: UInt64?
  /// When its first byte of output was read: microseconds since 1970; 0: not yet, or not known.
  package var firstOutput: Int64 = 0
  /// Bytes of input that have come for it; nil: it takes none.
  package var input: UInt64?

  package init(id: JobID, userTime: UInt64, systemTime: UInt64, memory: UInt64? = nil) {
    (self.id, self.userTime, self.systemTime, self.memory) = (id, userTime, systemTime, memory)
  }

  package func put(into writer: inout ByteWriter) {
    writer.put(id, userTime, systemTime, memory, peakMemory, throttled, firstOutput, input)
  }

  package init(from reader: inout ByteReader) throws(MalformedBytes) {
    self.init(id: try reader.id(), userTime: try reader.integer(), systemTime: try reader.integer())
    memory = try reader.bool() ? try reader.integer() : nil
    peakMemory = try reader.bool() ? try reader.integer() : nil
    throttled = try reader.bool() ? try reader.integer() : nil
    firstOutput = try reader.integer()
    input = try reader.bool() ? try reader.integer() : nil
  }
}

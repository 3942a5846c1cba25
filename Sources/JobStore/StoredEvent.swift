import JobAPI
import JobModel

/// One thing that happened to a job.
package struct StoredEvent: Equatable, Sendable, ByteValue {
  package typealias Kind = JobEvent.Kind

  /// Larger than that of every event before, of any client.
  package var number: Int64
  package var kind: Kind
  package var id: JobID
  /// Microseconds since 1970.
  package var at: Int64
  /// The job as it was after the event.
  package var state: JobState
  package var exitCode: Int32
  package var signal: Int32
  package var flags: JobRecord.Flags
  package var error: String?
  /// With ``Kind/finished``, as in the record.
  package var endedBy: EndedBy?
  package var stopper: String?
  package var stopAsked: Int64 = 0

  /// In the byte of the kind: what ended the job follows. An event of an earlier version has none of it.
  private static let hasEnd: UInt8 = 0x80

  package init(number: Int64, kind: Kind, record: JobRecord, at: Int64) {
    (self.number, self.kind, self.at) = (number, kind, at)
    id = record.id
    state = record.state
    exitCode = record.exitCode
    signal = record.signal
    flags = record.flags
    error = record.error
    guard kind == .finished else { return }
    (endedBy, stopper, stopAsked) = (record.endedBy, record.stopper, record.stopAsked)
  }

  /// Who asked for the job's end.
  package var stoppedBy: StoppedBy? {
    stopAsked == 0 ? nil : StoppedBy(client: stopper, time: TimeText.text(stopAsked))
  }

  /// Those of one row of the store.
  package static func all(in bytes: UnsafeRawBufferPointer) throws(StoreError) -> [StoredEvent] {
    do {
      var reader = ByteReader(bytes)
      var events: [StoredEvent] = []
      while !reader.isAtEnd { events.append(try StoredEvent(from: &reader)) }
      return events
    } catch {
      throw StoreError(.damaged, "database: an event cannot be read")
    }
  }

  package func put(into writer: inout ByteWriter) {
    let mark = endedBy == nil ? 0 : Self.hasEnd
    writer.put(number, kind.code | mark, id, at, state.code, exitCode, signal, flags.rawValue, error)
    if endedBy != nil { writer.put(EndedBy.code(of: endedBy), stopper, stopAsked) }
  }

  package init(from reader: inout ByteReader) throws(MalformedBytes) {
    number = try reader.integer()
    let code: UInt8 = try reader.integer()
    guard let kind = Kind(code: code & ~Self.hasEnd) else { throw MalformedBytes() }
    self.kind = kind
    id = try reader.id()
    at = try reader.integer()
    guard let state = JobState(code: try reader.integer()) else { throw MalformedBytes() }
    self.state = state
    exitCode = try reader.integer()
    signal = try reader.integer()
    flags = .init(rawValue: try reader.integer())
    error = try reader.optionalString()
    guard code & Self.hasEnd != 0 else { return }
    endedBy = try EndedBy.of(code: try reader.integer())
    stopper = try reader.optionalString()
    stopAsked = try reader.integer()
  }
}

extension JobEvent.Kind {
  /// By the numbers that stand for them in the store.
  private static let coded: [JobEvent.Kind] = [.created, .started, .finished, .deleted, .queued]

  fileprivate var code: UInt8 { UInt8(Self.coded.firstIndex(of: self)!) }

  fileprivate init?(code: UInt8) {
    guard code < Self.coded.count else { return nil }
    self = Self.coded[Int(code)]
  }
}

/// What a job is to run, checked: the form in which a creation crosses to the supervisor and is stored.
package struct JobSpec: Equatable, Sendable {
  package var command = ""
  package var arguments: [String] = []
  /// Added to the fixed environment.
  package var environment: [NameAndValue] = []
  package var directory: String?
  /// Standard input stays open for `PUT /jobs/<id>/stdin`.
  package var stdinOpen = false
  /// Milliseconds; 0: none.
  package var timeout: UInt64 = 0
  /// Milliseconds between TERM and KILL; nil: the daemon's.
  package var grace: UInt64?
  package var labels: [NameAndValue] = []
  package var merge = false
  /// Bytes of each stream; nil: the daemon's.
  package var outputLimit: UInt64?
  package var killAtLimit = false
  package var user: String?
  package var group: String?

  package struct NameAndValue: Equatable, Sendable {
    package var name, value: String

    package init(name: String, value: String) { (self.name, self.value) = (name, value) }
  }

  private static let version: UInt8 = 1

  package func encode(into writer: inout ByteWriter) {
    writer.put(Self.version)
    writer.put(command)
    writer.put(UInt32(arguments.count))
    for argument in arguments { writer.put(argument) }
    Self.put(environment, into: &writer)
    writer.put(directory)
    writer.put(stdinOpen)
    writer.put(timeout)
    writer.put(grace ?? .max)
    Self.put(labels, into: &writer)
    writer.put(merge)
    writer.put(outputLimit ?? .max)
    writer.put(killAtLimit)
    writer.put(user)
    writer.put(group)
  }

  package var encoded: [UInt8] {
    var writer = ByteWriter()
    encode(into: &writer)
    return writer.bytes
  }

  package init() {}

  /// Decodes and checks what no creation may contain, since the bytes come from a process that is not trusted.
  package init(from reader: inout ByteReader) throws(MalformedBytes) {
    guard try reader.integer(UInt8.self) == Self.version else { throw MalformedBytes() }
    command = try Self.text(from: &reader)
    guard !command.isEmpty else { throw MalformedBytes() }
    for _ in 0..<(try reader.count(ofSize: 4)) { arguments.append(try Self.text(from: &reader)) }
    environment = try Self.pairs(from: &reader)
    guard environment.allSatisfy({ !$0.name.isEmpty && !$0.name.utf8.contains(UInt8(ascii: "=")) }) else {
      throw MalformedBytes()
    }
    directory = try reader.bool() ? try Self.text(from: &reader) : nil
    guard directory?.hasPrefix("/") ?? true else { throw MalformedBytes() }
    stdinOpen = try reader.bool()
    timeout = try reader.duration()
    grace = try reader.optionalDuration()
    labels = try Self.pairs(from: &reader)
    merge = try reader.bool()
    let limit: UInt64 = try reader.integer()
    outputLimit = limit == .max ? nil : limit
    killAtLimit = try reader.bool()
    user = try reader.bool() ? try Self.text(from: &reader) : nil
    group = try reader.bool() ? try Self.text(from: &reader) : nil
  }

  private static func put(_ pairs: [NameAndValue], into writer: inout ByteWriter) {
    writer.put(UInt32(pairs.count))
    for pair in pairs {
      writer.put(pair.name)
      writer.put(pair.value)
    }
  }

  private static func pairs(from reader: inout ByteReader) throws(MalformedBytes) -> [NameAndValue] {
    var pairs: [NameAndValue] = []
    for _ in 0..<(try reader.count(ofSize: 8)) {
      pairs.append(NameAndValue(name: try text(from: &reader), value: try text(from: &reader)))
    }
    guard pairs.count < 2 || Set(pairs.map(\.name)).count == pairs.count else { throw MalformedBytes() }
    return pairs
  }

  /// A string without NUL, which would end it early in the C strings of execve(2).
  private static func text(from reader: inout ByteReader) throws(MalformedBytes) -> String {
    let bytes = try reader.view()
    guard !bytes.contains(0), let text = String(validating: bytes, as: UTF8.self) else {
      throw MalformedBytes()
    }
    return text
  }
}

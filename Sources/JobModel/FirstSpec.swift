import JobAPI

extension JobPlan {
  /// A stored plan, or what a jobd of version 1 of the tables stored in its place.
  package init(stored bytes: UnsafeRawBufferPointer) throws(MalformedBytes) {
    guard Self.isOfFirstVersion(bytes) else {
      self = try JobPlan(checking: bytes)
      return
    }
    var reader = ByteReader(bytes)
    self.init(try CreateRequest(firstSpec: &reader))
    try reader.end()
  }

  private static func isOfFirstVersion(_ bytes: UnsafeRawBufferPointer) -> Bool { bytes.first == 1 }
}

extension CreateRequest {
  /// What the first version stored for a creation: values one after the other, in this order.
  fileprivate init(firstSpec reader: inout ByteReader) throws(MalformedBytes) {
    guard try reader.integer(UInt8.self) == 1 else { throw MalformedBytes() }
    self.init(cmd: try reader.string())
    for _ in 0..<(try reader.count(ofSize: 4)) { args.append(try reader.string()) }
    env = try Self.pairs(&reader)
    cwd = try reader.optionalString()
    stdinOpen = try reader.bool()
    let (timeout, grace) = (try reader.duration(), try reader.optionalDuration())
    self.timeout = timeout == 0 ? nil : DurationText(milliseconds: Int64(timeout))
    self.grace = grace.map { DurationText(milliseconds: Int64($0)) }
    labels = try Self.pairs(&reader)
    merge = try reader.bool()
    let limit: UInt64 = try reader.integer()
    outputLimit = limit == .max ? nil : Int64(clamping: limit)
    onLimit = try reader.bool() ? .kill : nil
    user = try reader.optionalString()
    group = try reader.optionalString()
  }

  /// The same bytes, of which the first version made the digest of a request that had a key.
  package var firstSpec: [UInt8] {
    var writer = ByteWriter()
    writer.put(UInt8(1), cmd, UInt32(args.count))
    for argument in args { writer.put(argument) }
    Self.put(env, &writer)
    writer.put(cwd, stdinOpen ?? false, timeout?.milliseconds ?? 0, grace?.milliseconds ?? -1)
    Self.put(labels, &writer)
    writer.put(merge ?? false, outputLimit ?? -1, onLimit == .kill, user, group)
    return writer.bytes
  }

  private static func put(_ pairs: [String: String]?, _ writer: inout ByteWriter) {
    writer.put(UInt32(pairs?.count ?? 0))
    for (name, value) in (pairs ?? [:]).sorted(by: { $0.key < $1.key }) {
      writer.put(name, value)
    }
  }

  private static func pairs(_ reader: inout ByteReader) throws(MalformedBytes) -> [String: String] {
    var pairs: [String: String] = [:]
    for _ in 0..<(try reader.count(ofSize: 8)) { pairs[try reader.string()] = try reader.string() }
    return pairs
  }
}

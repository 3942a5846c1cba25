import JobAPI

extension JobClient {
  /// Streams a reply's body to `take`, which is given each piece. `begin` is called with the connection before the
  /// first, when the reply's head is known. `silence`: how many milliseconds it may be silent, as
  /// ``Connection/allowSilence(_:)`` has it; nil: as any reply.
  public func stream(
    _ route: Route, _ target: String, accept: String? = nil, silence: UInt32? = nil,
    begin: (Connection) throws -> Void = { _ in }, take: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let connection = try ask(route, target, headers: accept.map { "Accept: \($0)\r\n" })
    if let silence { connection.allowSilence(silence) }
    try begin(connection)
    try Self.readBody(of: connection, take)
  }

  /// Reads the rest of a reply.
  static func readBody(of connection: Connection, _ take: (UnsafeRawBufferPointer) throws -> Void) throws {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
    defer { buffer.deallocate() }
    while true {
      let count = try connection.read(into: buffer)
      guard count > 0 else { return }
      try take(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    }
  }

  /// What happened to the client's jobs after event `after`, oldest first. `follows`: goes on as things happen, until
  /// the connection ends. `client`: whose events, where the role reaches others'; nil: one's own. `silence`: for how many
  /// milliseconds nothing may happen while they are followed; 0: for ever.
  public func events(
    of client: String? = nil, after: String? = nil, follows: Bool = false, silence: UInt32 = 0,
    begin: () throws -> Void = {}, take: (JobEvent) throws -> Void
  ) throws {
    var lines = LineSplitter()
    let query: Query = ["after": after, "follow": follows ? "1" : nil, "client": client]
    try stream(
      .events, Route.events.target(query), silence: follows ? silence : nil, begin: { _ in try begin() },
      take: { bytes in try lines.add(bytes) { try take(Self.decode($0, of: .events)) } })
  }
}

/// Puts lines together from the pieces in which they come.
package struct LineSplitter {
  private var pending: [UInt8] = []

  package init() {}

  /// Whether what came last is no whole line.
  package var hasRest: Bool { !pending.isEmpty }

  package mutating func add(_ bytes: UnsafeRawBufferPointer, _ handle: (ArraySlice<UInt8>) throws -> Void)
    throws
  {
    pending.append(contentsOf: bytes)
    var rest = pending[...]
    while let end = rest.firstIndex(of: 0x0a) {
      try handle(rest[..<end])
      rest = rest[(end + 1)...]
    }
    pending = Array(rest)
  }
}

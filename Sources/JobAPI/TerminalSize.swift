/// The size of a job's terminal, in characters: ``CreateRequest/tty`` and the body of `POST /jobs/<id>/resize`.
public struct TerminalSize: Codable, Sendable, Equatable {
  /// 1 to 65535 each.
  public var rows, columns: Int64

  public init(rows: Int64, columns: Int64) { (self.rows, self.columns) = (rows, columns) }
}

extension TerminalSize: StrictBody {
  /// What the kernel has room for (ioctl_tty(2), `struct winsize`).
  private static let range: ClosedRange<Int64> = 1...65535

  package static let members: BodyMembers = [
    "rows": "a whole number from 1 to 65535",
    "columns": "a whole number from 1 to 65535",
  ]

  package init() { self.init(rows: 0, columns: 0) }

  package mutating func read(_ member: String, from reader: inout JSONReader) throws(InvalidRequest) {
    switch member {
    case "rows": rows = try reader.integer() ?? 0
    default: columns = try reader.integer() ?? 0
    }
  }

  public func validate() throws(InvalidRequest) {
    for (member, value) in [("rows", rows), ("columns", columns)] where !Self.range.contains(value) {
      throw InvalidRequest(member: member, "must be \(Self.allowed(member))")
    }
  }
}

import Glibc
import Harness
import JobModel
import Platform
import Testing

@testable import JobSupervisor

/// A writer of an audit trail, and what it told.
final class AuditFixture: Sendable {
  private let told = Mutex<[UInt64: String?]>([:])
  private let failures = Mutex(0)
  private let made = Mutex<AuditWriter?>(nil)
  let path: String

  /// `isOpen`: before it is handed to its writer.
  init(
    _ path: String, isOpen: Bool = true, target: (@Sendable () throws -> any AuditTarget)? = nil
  )
    throws
  {
    self.path = path
    let open: @Sendable () throws -> any AuditTarget =
      target ?? { try AuditFile(path, patience: 0) }
    let writer = try AuditWriter(
      isOpen ? open() : nil, log: Log(level: .error, descriptor: -1), open: open,
      onCompleted: { [self] outcomes in
        told.withLock { for outcome in outcomes { $0[outcome.number] = .some(outcome.error) } }
      }, onFailure: { [self] in failures.withLock { $0 += 1 } })
    made.withLock { $0 = writer }
  }

  var writer: AuditWriter { made.withLock { $0! } }
  var failed: Int { failures.withLock { $0 } }
  var text: String {
    (try? SmallFile.read(path, most: 64 << 20)).map { String(decoding: $0, as: UTF8.self) } ?? ""
  }
  var lines: [Substring] { text.split(separator: "\n") }
  /// What became of a line; nil: it was not told.
  func outcome(_ number: UInt64) -> String?? { told.withLock { $0[number] } }

  /// Writes a line whose user is `name`, and waits until it is told what became of it. The error; nil: it is written.
  func write(_ number: UInt64, _ name: String = "", isDurable: Bool = true) -> String? {
    var entry = AuditEntry(.create, at: 0)
    entry.user = name.isEmpty ? "\(number)" : name
    writer.write(entry, number: number, isDurable: isDurable)
    wait { outcome(number) != nil }
    return outcome(number) ?? "not told"
  }

  func wait(_ condition: () -> Bool) {
    #expect(throws: Never.self) { try Poll.until("what must come", condition) }
  }
}

import JobAPI
import JobModel
import Platform

/// A line of the audit trail on its way there.
struct AuditLine: Sendable {
  /// By which it is told what became of it; nil: nobody waits for it.
  let number: UInt64?
  let entry: AuditEntry
  let bytes: [UInt8]
  /// It is told of only once it is on disk.
  let isDurable: Bool

  init(_ entry: AuditEntry, number: UInt64? = nil, isDurable: Bool = false) {
    (self.entry, self.number, self.isDurable) = (entry, number, isDurable)
    bytes = entry.line
  }
}

/// Where the lines of an audit trail go. The writer's thread only.
protocol AuditTarget: AnyObject {
  /// Writes those from the first on that can be: how many, and what kept the next one from it. Lines that were not
  /// written come first in the next call.
  func write(_ lines: [AuditLine]) -> (count: Int, error: SystemError?)
  /// Brings what the last call of ``write(_:)`` wrote to disk.
  func sync() throws(AuditNotSynced)
  /// Has room for lines to come. An error: there is none.
  func keepRoom() throws(SystemError)
  /// Whether what is at its path is something else now.
  var isReplaced: Bool { get }
}

struct AuditNotSynced: Error {
  let error: SystemError
  /// What was written is there no more.
  let isTakenBack: Bool
}

/// Where an operator has the audit trail go.
package enum AuditPlace: Sendable, Equatable {
  case file(String)
  case journal

  package init(_ text: String) { self = text == Configuration.journal ? .journal : .file(text) }

  var name: String {
    switch self {
    case .file(let path): path
    case .journal: "the journal"
    }
  }

  /// `patience`: milliseconds to wait for a process that is ending.
  func open(patience: Int = 0) throws(DaemonError) -> any AuditTarget {
    switch self {
    case .file(let path): try AuditFile(path, patience: patience)
    case .journal: try AuditJournal()
    }
  }

  /// What would keep it from being opened.
  package func check() throws(DaemonError) {
    switch self {
    case .file(let path): try AuditFile.check(path)
    case .journal: _ = try AuditJournal()
    }
  }
}

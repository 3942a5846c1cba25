import CKeeper
import Glibc
import JobModel
import Platform

/// The supervisor's side of the process that started it, outlives it, and holds what its successor needs
/// (docs/durability.md). Each question takes some microseconds. Supervisor's thread only.
final class Keeper {
  let link = Int32(JK_LINK)
  /// Why this supervisor was started.
  let cause: Cause
  /// Process id of the supervisor before, and how it ended; 0: there was none.
  let predecessor: (pid: pid_t, end: String)
  /// Supervisors the keeper has started, this one too.
  let starts: UInt64

  enum Cause: UInt64 {
    case start, death, upgrade, `return`

    var text: String {
      switch self {
      case .start: "start"
      case .death: "restart"
      case .upgrade: "upgrade"
      case .return: "return"
      }
    }
  }

  /// What it holds.
  struct Held {
    let name: String
    let descriptor: Int32
  }

  /// Throws when this process has no keeper.
  init() throws(DaemonError) {
    var hello = jk_record_make(JK_HELLO, nil, nil)
    let isSocket = fcntl(link, F_SETFD, FD_CLOEXEC) == 0
    guard isSocket, jk_ask(link, &hello, -1, nil) == 0, hello.status == 0 else {
      throw DaemonError("\"jobd supervisor\" is started by jobd-keeper, which jobd becomes; see jobd --help")
    }
    starts = hello[JK_HELLO_STARTS]
    cause = Cause(rawValue: hello[JK_HELLO_CAUSE]) ?? .death
    predecessor = (hello.pid, String(cString: jk_record_text(&hello)))
  }

  /// Copies of all it holds, which it goes on holding.
  func takeAll() throws(SystemError) -> [Held] {
    var all: [Held] = []
    while true {
      var descriptor: Int32 = -1
      var record = jk_record_make(JK_TAKE, nil, nil)
      record.value.0 = UInt64(all.count)
      try SystemError.check(jk_ask(link, &record, -1, &descriptor), "ask the keeper for what it holds")
      guard record.status == 0 else { return all }
      // Another attempt may have the room: a job is not lost for want of it.
      guard descriptor >= 0 else { throw SystemError(EMFILE, "take what the keeper holds") }
      all.append(Held(name: String(cString: jk_record_name(&record)), descriptor: descriptor))
    }
  }

  /// Throws when it is not there any more.
  func check() throws(SystemError) {
    var hello = jk_record_make(JK_HELLO, nil, nil)
    try SystemError.check(jk_ask(link, &hello, -1, nil), "reach the keeper")
  }

  /// Has it hold a copy of `descriptor`, which stays the caller's, in place of what it holds under this name.
  func hold(_ descriptor: Int32, as name: String, pid: pid_t = 0) throws(SystemError) {
    guard name.utf8.count < Int(JK_NAME_SIZE) else {
      throw SystemError(ENAMETOOLONG, "have the keeper hold \(name)")
    }
    var record = jk_record_make(JK_HOLD, name, nil)
    record.pid = pid
    try SystemError.check(jk_ask(link, &record, descriptor, nil), "have the keeper hold \(name)")
    try SystemError.check(record.status, "have the keeper hold \(name)")
  }

  /// Has it close what it holds under this name, and reap the job's process if that ended as its child.
  func release(_ name: String) { tell(JK_RELEASE, name: name) }

  /// A sign of life; the next one comes within so many milliseconds.
  func alive(within milliseconds: UInt64) { tell(JK_ALIVE, milliseconds) }

  /// The service manager is told, if there is one.
  func ready(_ text: String) { tell(JK_READY, text: text) }
  func notify(_ text: String) { tell(JK_NOTIFY, text: text) }

  /// An earlier binary cannot go on with the state any more. It may take so many milliseconds.
  func migrating(within milliseconds: UInt64) { tell(JK_MIGRATING, milliseconds) }

  enum Leave: UInt64 {
    case end = 1
    case successor
  }

  /// What is to follow this process, which ends now.
  func leave(_ leave: Leave) { tell(JK_LEAVE, leave.rawValue) }

  /// Whether it has ended, when ``link`` is readable: it says nothing that it was not asked, but an answer may come too
  /// late.
  func isGone() -> Bool {
    var record = jk_record()
    var descriptor: Int32 = -1
    while true {
      let status = jk_receive(link, &record, &descriptor)
      guard status == 0 else { return status != -EAGAIN }
      if descriptor >= 0 { close(descriptor) }
    }
  }

  /// One that is gone is noticed by whoever watches ``link``.
  private func tell(_ kind: jk_kind, _ value: UInt64 = 0, name: String? = nil, text: String? = nil) {
    var record = jk_record_make(kind, name, text)
    record.value.0 = value
    _ = jk_tell(link, &record)
  }
}

extension jk_record {
  fileprivate subscript(place: jk_hello) -> UInt64 {
    withUnsafeBytes(of: value) { $0.load(fromByteOffset: Int(place.rawValue) * 8, as: UInt64.self) }
  }
}

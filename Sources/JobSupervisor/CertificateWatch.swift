import Glibc
import JobLoop
import JobModel
import Platform

/// Notices by inotify(7) that certificates, key or revocation list are other files than the ones that were read last, also
/// when a directory or a symbolic link on the way to them is replaced. Supervisor's thread only.
final class CertificateWatch {
  private let log: Log
  private let onChange: () -> Void
  private let descriptor: Int32
  private var watcher: LoopWatcher!
  private var timer: LoopTimer!
  private var files: [String] = []
  /// What the files were when they were read last.
  private var read: [FileIdentity?] = []
  /// Directories by the numbers of their watches, with the names in them that matter.
  private var watched: [Int32: Set<String>] = [:]
  /// Of changes that were not looked at yet: when the first came, on the monotonic clock.
  private var firstChange: Int64?
  private var hasWarned = false

  /// Milliseconds without a change after which is looked, since files are replaced one after the other; and the most that
  /// others are waited for.
  private static let quiet: UInt64 = 100
  private static let longest: UInt64 = 500

  private static let ofDirectory = UInt32(IN_ONLYDIR | IN_MOVE_SELF | IN_DELETE_SELF)
  private static let ofEntries = UInt32(
    IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB)

  init(_ loop: EventLoop, _ log: Log, onChange: @escaping () -> Void) throws(SystemError) {
    (self.log, self.onChange) = (log, onChange)
    descriptor = inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC))
    timer = try LoopTimer(loop) { [unowned self] in self.look() }
    if descriptor < 0 {
      warn(errno)
    } else {
      watcher = try LoopWatcher(loop, descriptor: descriptor) { [unowned self] in self.takeEvents() }
    }
  }

  deinit {
    watcher = nil
    if descriptor >= 0 { close(descriptor) }
  }

  /// The files are about to be read: what changes from here on is a change.
  func note(_ configuration: Configuration) {
    files = configuration.certificateFiles
    follow()
    read = files.map(FileIdentity.init)
  }

  private func takeEvents() {
    withUnsafeTemporaryAllocation(byteCount: 16 << 10, alignment: MemoryLayout<inotify_event>.alignment) {
      var isChange = false
      while case let count = Glibc.read(descriptor, $0.baseAddress!, $0.count), count > 0 {
        var events = UnsafeRawBufferPointer(rebasing: $0[..<count])
        while !events.isEmpty { isChange = take(&events) || isChange }
      }
      if isChange { changed() }
    }
  }

  /// The first of the events. Whether it may be a change of a file.
  private func take(_ events: inout UnsafeRawBufferPointer) -> Bool {
    let event = events.load(as: inotify_event.self)
    let head = MemoryLayout<inotify_event>.size
    let name = String(decoding: events[head..<head + Int(event.len)].prefix { $0 != 0 }, as: UTF8.self)
    events = UnsafeRawBufferPointer(rebasing: events[(head + Int(event.len))...])
    guard event.mask & UInt32(IN_Q_OVERFLOW) == 0 else { return true }
    guard let names = watched[event.wd] else { return false }
    if event.mask & UInt32(IN_IGNORED) != 0 { watched[event.wd] = nil }
    return name.isEmpty || names.contains(name)
  }

  private func changed() {
    let now = Clock.monotonic()
    let first = firstChange ?? now
    firstChange = first
    let waited = UInt64(max(0, now - first) / 1000)
    timer.start(milliseconds: min(Self.quiet, Self.longest - min(Self.longest, waited)))
  }

  private func look() {
    firstChange = nil
    follow()
    let changed = zip(files, read).filter { FileIdentity($0) != $1 }.map(\.0)
    guard !changed.isEmpty else { return }
    log.info("certificates_changed", ["files": changed.joined(separator: " ")])
    onChange()
  }

  /// Watches what is on the way to the files now. A watch is there before it is looked what is behind it, or that could be
  /// replaced unseen.
  private func follow() {
    guard descriptor >= 0 else { return }
    var (places, before): (WatchedPlaces, WatchedPlaces?) = (WatchedPlaces(files), nil)
    // A few rounds: whoever replaces directories all the time is told of later.
    for _ in 0..<8 where places != before {
      watch(places)
      (before, places) = (places, WatchedPlaces(files))
    }
  }

  private func watch(_ places: WatchedPlaces) {
    var fresh: [Int32: Set<String>] = [:]
    for (directory, names) in places.names {
      let mask = Self.ofDirectory | (names.isEmpty ? 0 : Self.ofEntries)
      let number = inotify_add_watch(descriptor, directory, mask)
      // Of those that are only on the way some may be closed to this user; one that is gone is found gone.
      if number < 0, !names.isEmpty, errno != ENOENT, errno != ENOTDIR { warn(errno) }
      if number >= 0 { fresh[number, default: []].formUnion(names) }
    }
    for number in watched.keys where fresh[number] == nil { inotify_rm_watch(descriptor, number) }
    watched = fresh
  }

  private func warn(_ error: Int32) {
    guard !hasWarned else { return }
    hasWarned = true
    log.warn(
      "certificates_not_watched",
      ["error": SystemError.text(of: error), "advice": "after a change of one use jobd reload"])
  }
}

/// Which file it is, and in which state.
private struct FileIdentity: Equatable {
  private let numbers: [Int64]

  /// Nil: there is none. Links are followed.
  init?(_ path: String) {
    var info = stat()
    guard stat(path, &info) == 0 else { return nil }
    numbers = [
      Int64(bitPattern: UInt64(info.st_dev)), Int64(bitPattern: UInt64(info.st_ino)), Int64(info.st_size),
      Int64(info.st_mtim.tv_sec), Int64(info.st_mtim.tv_nsec), Int64(info.st_ctim.tv_sec),
      Int64(info.st_ctim.tv_nsec),
    ]
  }
}

extension Supervisor {
  /// Whoever comes after this supervisor is to know that the standard list is in use, whatever became of its file.
  func holdRevocations(_ configuration: Configuration) {
    guard configuration.crlFile == configuration.standardCRLFile, !inheritance.usedRevocations else { return }
    let marker = open("/dev/null", O_RDONLY | O_CLOEXEC)
    defer { close(marker) }
    do {
      guard marker >= 0 else { throw SystemError(errno, "open /dev/null") }
      try keeper.hold(marker, as: Inheritance.revocationsName)
      inheritance.noteRevocations()
    } catch {
      log.warn("revocations_not_held", ["error": "\(error)"])
    }
  }
}

extension Configuration {
  /// The files that a fresh api process reads anew; the last one may not be there.
  fileprivate var certificateFiles: [String] {
    [certificateFile, keyFile, clientCAFile, crlFile ?? standardCRLFile]
  }
}

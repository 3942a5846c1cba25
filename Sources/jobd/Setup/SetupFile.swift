import CPlatform
import Glibc
import JobModel
import Platform

/// The configuration file: made with comments where there is none, and with `listen` and
/// a first client in it where that is asked for.
struct SetupFile {
  let path: String
  /// Nil: there is none.
  private let before: [UInt8]?
  /// Nil: it does not set it, and is not to.
  private let listen: String?

  /// Changes nothing yet. What it sets already is left to who wrote it.
  init(_ loader: ConfigurationLoader, listen: String?) throws {
    let path = ConfigurationPlace(environment: Setup.environment).file
    let exists = access(path, F_OK) == 0
    self.path = exists ? Path.real(path) : path
    before = exists ? try SmallFile.read(path, most: ConfigurationFile.maximumSize) : nil
    let now = loader.configuration.listen
    guard let listen, loader.sources["listen"] != nil else {
      self.listen = listen
      return
    }
    guard Address(listen) == now else {
      throw ConfigurationError(
        "\(path) sets listen to \"\(now)\" already: make that \"\(listen)\", and type jobd upgrade")
    }
    self.listen = nil
  }

  /// `client`: a user who becomes a client, with jobs as that user.
  func write(client: String?) throws {
    let members = [listen.map(ConfigurationText.listen), client.map(ConfigurationText.clients)].compactMap(
      \.self)
    guard before == nil || !members.isEmpty else { return Setup.tell("kept", path) }
    guard
      let text = ConfigurationText.adding(members, to: before ?? Array(ConfigurationText.template.utf8))
    else {
      throw ConfigurationError("\(path) must be one JSON5 object: { name: value, ... }")
    }
    try replace(text)
    let what = members.isEmpty ? "" : ": \(members.joined(separator: ", "))"
    Setup.tell(before == nil ? "made" : "set ", path + what)
  }

  /// As it was, but for comments where there was none.
  func restore() throws { try replace(before ?? Array(ConfigurationText.template.utf8)) }

  /// Whole or not at all; with owner and mode as they were.
  private func replace(_ text: [UInt8]) throws {
    var template = Array("\(path).XXXXXX".utf8CString)
    let file = mkstemp(&template)
    guard file >= 0 else { throw SystemError(errno, "write \(path)") }
    defer { close(file) }
    let draft = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    do {
      var info = stat()
      let isThere = stat(path, &info) == 0
      guard fchmod(file, isThere ? info.st_mode & 0o777 : 0o644) == 0,
        !isThere || fchown(file, info.st_uid, info.st_gid) == 0
      else { throw SystemError(errno, "write \(path)") }
      try SystemError.check(jp_write_all(file, text, text.count), "write \(path)")
      guard fsync(file) == 0, rename(draft, path) == 0 else { throw SystemError(errno, "write \(path)") }
    } catch {
      unlink(draft)
      throw error
    }
  }
}

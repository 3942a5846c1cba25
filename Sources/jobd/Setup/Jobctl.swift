import Glibc
import JobModel
import JobSupervisor
import Platform

/// The command line, which makes certificates and keeps settings: one of the same installation.
struct Jobctl {
  private let path: String

  init() throws {
    let own = try ProgramFile.path()
    let places = [
      Path.beside(own, "jobctl"), Path.beside(Path.directory(of: own), "bin/jobctl"),
    ]
    guard let path = places.first(where: { access($0, X_OK) == 0 }) else {
      throw DaemonError(
        "jobctl, which makes the certificates, is not installed: there is no \(places.joined(separator: " and no "))"
      )
    }
    self.path = path
  }

  /// What it says; its error is this one's. `user`: as whom, with the environment of a login; nil: as it is.
  @discardableResult
  func run(_ words: [String], as user: Account? = nil) throws -> String {
    let prefix = user.map {
      ["setpriv", "--reuid=\($0.user)", "--regid=\($0.group)", "--init-groups", "--reset-env"]
    }
    let done = try Tool.run((prefix ?? []) + [path] + words)
    guard done.status == 0 else {
      let text = done.text.hasPrefix("jobctl: ") ? String(done.text.dropFirst(8)) : done.text
      throw DaemonError(text.isEmpty ? "jobctl \(words.joined(separator: " ")) failed" : text)
    }
    return done.text
  }

  /// Has jobctl reach the daemon at `server` by itself, unless it was told of another one.
  func use(_ server: Address, as user: Account? = nil) throws {
    let line = try run(["config"], as: user).split(separator: "\n").first { $0.hasPrefix("server ") }
    let words = line?.split(separator: " ") ?? []
    guard words.count > 2, words[1] != "\(server)" else { return }
    let (command, origin) = ("config set --server \(server)", words[2...].joined(separator: " "))
    guard origin == "default" else {
      return Setup.tell("kept", "jobctl's server \(words[1]) (\(origin)); for this daemon: jobctl \(command)")
    }
    try run(command.split(separator: " ").map(String.init), as: user)
  }
}

import Glibc

/// Variables of the environment; an empty one is as if it were not set.
package struct Environment: Sendable {
  private let lookup: @Sendable (String) -> String?

  /// The process's own.
  package init() { lookup = { name in getenv(name).map { String(cString: $0) } } }

  package init(_ variables: [String: String]) { lookup = { variables[$0] } }

  package subscript(name: String) -> String? { lookup(name).flatMap { $0.isEmpty ? nil : $0 } }

  /// That of the user's account where HOME says none. Without the slash that ends it: root's may be "/".
  package var home: String {
    let home = directory("HOME") ?? Account.own.home
    return home.hasSuffix("/") ? String(home.dropLast()) : home
  }

  /// A relative path is as if it were not set (XDG Base Directory Specification).
  package func directory(_ name: String) -> String? { self[name].flatMap { $0.hasPrefix("/") ? $0 : nil } }

  /// Where the user's settings are.
  package var settings: String { directory("XDG_CONFIG_HOME") ?? "\(home)/.config" }

  /// Where the daemon's settings are, and below it keys and certificates.
  package func jobd(isRoot: Bool = geteuid() == 0) -> String { "\(isRoot ? "/etc" : settings)/jobd" }

  package static var all: [String: String] {
    var values: [String: String] = [:]
    var next = environ
    while let entry = next.pointee {
      let (name, value) = String(cString: entry).halves(at: "=")
      if let value { values[name] = value }
      next += 1
    }
    return values
  }
}

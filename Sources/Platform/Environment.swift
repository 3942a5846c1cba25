import Glibc

/// The process's environment.
package enum Environment {
  package static var all: [String: String] {
    var values: [String: String] = [:]
    var next = environ
    while let entry = next.pointee {
      let text = String(cString: entry)
      if let sign = text.firstIndex(of: "=") {
        values[String(text[..<sign])] = String(text[text.index(after: sign)...])
      }
      next += 1
    }
    return values
  }
}

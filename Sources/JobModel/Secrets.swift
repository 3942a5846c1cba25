import JobAPI

/// Variables of a job's environment that nobody but the job is to know, by name.
package struct Secrets: Equatable, Sendable {
  package let variables: [String: String]

  /// Of a request that is valid; nil: it has none.
  package init?(_ request: CreateRequest) {
    guard let variables = request.secretEnv, !variables.isEmpty else { return nil }
    self.variables = variables
  }

  /// Checks what no request may contain, since the bytes come from a process that is not trusted.
  package init(checking bytes: UnsafeRawBufferPointer) throws(MalformedBytes) {
    var reader = ByteReader(bytes)
    var variables: [String: String] = [:]
    while !reader.isAtEnd {
      let (name, value) = (try reader.string(), try reader.string())
      guard !name.isEmpty, !name.utf8.contains(where: { $0 == 0 || $0 == UInt8(ascii: "=") }),
        !value.utf8.contains(0), variables.updateValue(value, forKey: name) == nil
      else { throw MalformedBytes() }
    }
    guard (1...CreateRequest.Limits.env).contains(variables.count) else { throw MalformedBytes() }
    self.variables = variables
  }

  /// Names and values, by the bytes of the names: equal ones have equal bytes.
  package func encode() -> [UInt8] {
    var writer = ByteWriter()
    for (name, value) in variables.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
      writer.put(name, value)
    }
    return writer.bytes
  }
}

extension JobPlan {
  /// What is executed of a job that has them.
  package func with(_ secrets: Secrets) -> JobPlan {
    var request = visibleRequest
    request.stdinOpen = isStdinOpen
    request.env = Dictionary(environment.map { ($0.name, $0.value) }) { $1 }
      .merging(secrets.variables) { $1 }
    return JobPlan(request, traceparent)
  }
}

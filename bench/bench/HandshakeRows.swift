/// What a handshake with client certificates costs the server, beside nginx.
extension Bench {
  func handshakeRows() throws -> [Row] {
    let jobd = try Jobd(self, state: "handshake")
    let nginx = try Nginx(self, reply: "{}")
    var equal: [Load] = []
    var equalResumed: [Load] = []
    var resumed: (ones: [Load], others: [Load]) = ([], [])
    let full = try interleaved {
      resumed.ones.append(try shake("resume", jobd))
      return try shake("handshake", jobd)
    } _: {
      equal.append(try shake("handshake", nginx.equal))
      equalResumed.append(try shake("resume", nginx.equal))
      resumed.others.append(try shake("resume", nginx))
      return try shake("handshake", nginx)
    }
    try jobd.stop()
    return [
      row("full mTLS handshakes", full.ones, "nginx with its defaults", full.others, .atLeast(1.7)),
      row("resumed handshakes", resumed.ones, "nginx with its defaults", resumed.others, .atLeast(2.5)),
      row("full mTLS handshakes", full.ones, "nginx with one stateful ticket", equal, .atLeast(1)),
      row("resumed handshakes", resumed.ones, "nginx with one stateful ticket", equalResumed, .atLeast(1)),
    ]
  }

  private func shake(_ mode: String, _ server: any Server) throws -> Load {
    try load(mode, server, ["--connections", "16", "--seconds", "\(span(1.2, quick: 0.6))"])
  }

  private func row(_ figure: String, _ ours: [Load], _ name: String, _ theirs: [Load], _ goal: Goal) -> Row {
    Row(figure, unit: "handshakes/CPU s", ours.map(\.perCPU), over: name, theirs.map(\.perCPU), goal: goal)
  }
}

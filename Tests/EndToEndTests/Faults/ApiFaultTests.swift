import Glibc
import Harness
import JobAPI
import JobClient
import Testing

/// What the api process lacks: who comes is turned away or told to come again, and who is there goes on.
@Suite(.serialized, .enabled(if: geteuid() == 0)) struct ApiFaultTests {
  @Test func withoutDescriptorsPeersAreTurnedAwayAndTheOthersGoOn() throws {
    try Daemon.with(["--client-role", "operator"], limits: ["--nofile=100:100"]) { daemon in
      let client = daemon.client()
      let (id, _) = try client.run("echo", "text")
      let bystander = try Bystander(daemon)
      let turnedAway = try daemon.growth(of: "jobd_connections_turned_away_total") {
        var held: [JobClient] = []
        #expect(throws: ClientError.self) {
          while held.count < 100 {
            held.append(daemon.client())
            _ = try held.last!.status(id)
          }
        }
        let status = try client.status(id)
        #expect(status.exitCode == 0)
        let refused = #expect(throws: ClientError.self) { try client.output(id) }
        #expect(refused?.isTransient == true && refused?.retryAfter == 1, "\(String(describing: refused))")
      }
      #expect(turnedAway >= 1)
      #expect(try client.output(id).stdout == "text\n")
      #expect(try daemon.client().status(id).exitCode == 0)
      try bystander.end()
    }
  }

  /// Who comes meanwhile waits in the listening socket.
  @Test(arguments: ["ENFILE", "ENOMEM", "ENOBUFS"])
  func aSystemThatHasNoMoreKeepsPeersWaiting(error: String) throws {
    try Daemon.with(["--client-role", "operator"]) { daemon in
      let client = daemon.client()
      let (id, _) = try client.run("echo", "text")
      let bystander = try Bystander(daemon)
      var waiting: [Running] = []
      let turnedAway = try daemon.growth(of: "jobd_connections_turned_away_total") {
        try daemon.withFaults("accept4:error=\(error)", into: daemon.apiPid) {
          waiting = try (0..<8).map { _ in try daemon.startJobctl(["output", "\(id)"]) }
          try daemon.waitForLog("reason=\"out of file descriptors or memory\"")
          let status = try client.status(id)
          #expect(status.exitCode == 0)
        }
      }
      #expect(turnedAway >= 1)
      for running in waiting { #expect(try running.wait().text == "text\n") }
      try bystander.end()
    }
  }
}

import Testing

/// Who may know whom, from the dependencies that Package.swift declares.
@Suite struct DependencyTests {
  private func reach(of target: String) throws -> Set<String> {
    try Manifest.shared.get().reach(of: target)
  }

  @Test func theApiProcessReachesNothingThatStartsProcesses() throws {
    let reach = try reach(of: "JobService")
    #expect(reach.isSuperset(of: ["CJobHTTP", "JobStore"]))
    #expect(reach.isDisjoint(with: ["JobSupervisor", "JobEngine", "JobPool", "CJobEngine", "CJobSeal"]))
  }

  @Test func theCommandLineReachesTheClientHalfAlone() throws {
    let client: Set = ["jobctl", "JobClient", "JobAPI", "CJobWire", "COpenSSL", "Platform", "CPlatform"]
    let reach = try reach(of: "jobctl")
    #expect(reach.isSubset(of: client), "\(reach.subtracting(client))")
    #expect(try reach.isSuperset(of: self.reach(of: "JobClient")))
  }

  @Test func theLibraryReachesNothingOfADaemon() throws {
    let reach = try reach(of: "JobPool")
    #expect(reach.contains("CJobEngine"))
    #expect(
      reach.isDisjoint(with: [
        "JobSupervisor", "JobService", "JobStore", "CJobHTTP", "CJobSeal", "CJobWire", "COpenSSL", "CSQLite",
      ]))
  }

  @Test func theSupervisorAloneReachesTheKeyOfSecrets() throws {
    let targets = try Manifest.shared.get().targets.map(\.name)
    let able = try targets.filter { try reach(of: $0).contains("CJobSeal") }
    let allowed: Set = ["CJobSeal", "JobSupervisor", "jobd", "ServiceTests", "EndToEndTests"]
    #expect(allowed.isSuperset(of: able) && able.contains("JobSupervisor"), "\(able)")
  }

  /// So who reads Package.swift from its top has read of all that a target depends on.
  @Test func eachTargetStandsBelowWhatItDependsOn() throws {
    var above: Set<String> = []
    for target in try Manifest.shared.get().targets {
      #expect(above.isSuperset(of: target.needs), "\(target.name)")
      above.insert(target.name)
    }
    #expect(above.count > 20)
  }
}

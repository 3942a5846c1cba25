import JobAPI
import Testing

@testable import JobModel
@testable import JobSupervisor

@Suite struct JobPolicyTests {
  private func plan(
    memory: Int64? = nil, cpus: Double? = nil, processes: Int64? = nil, output: Int64? = nil
  ) -> JobPlan {
    var request = CreateRequest(cmd: "true")
    request.limits = JobLimits(memory: memory.map(SizeText.init), cpus: cpus, processes: processes)
    request.outputLimit = output
    return JobPlan(request)
  }

  private func settings(_ change: (inout ClientSettings) -> Void) -> ClientSettings {
    var settings = ClientSettings()
    change(&settings)
    return settings
  }

  @Test func withoutSettingsThereIsNoLimit() {
    #expect(JobPolicy.limits(of: plan(), settings: ClientSettings()) == (0, 0, 0))
    let asked = plan(memory: 1 << 50, cpus: 4096, processes: 1 << 22)
    #expect(JobPolicy.refusal(of: asked, settings: ClientSettings()) == nil)
    #expect(JobPolicy.limits(of: asked, settings: ClientSettings()) == (1 << 50, 4_096_000, 1 << 22))
  }

  @Test func whatIsNotAskedForIsTheDefaultAndElseTheMost() {
    let standard = settings {
      ($0.defaultMemory, $0.defaultCPUMilli, $0.defaultProcesses) = (5 << 20, 500, 9)
    }
    #expect(JobPolicy.limits(of: plan(), settings: standard) == (5 << 20, 500, 9))
    #expect(JobPolicy.limits(of: plan(cpus: 2), settings: standard) == (5 << 20, 2000, 9))
    let most = settings { ($0.maxMemory, $0.maxCPUMilli, $0.maxProcesses) = (5 << 20, 500, 9) }
    #expect(JobPolicy.limits(of: plan(), settings: most) == (5 << 20, 500, 9))
    #expect(JobPolicy.limits(of: plan(processes: 3), settings: most) == (5 << 20, 500, 3))
    let both = settings {
      ($0.maxMemory, $0.defaultMemory, $0.maxProcesses, $0.defaultProcesses) = (9, 4, 4, 9)
    }
    #expect(JobPolicy.limits(of: plan(), settings: both) == (4, 0, 4))
  }

  @Test func moreThanTheMostIsRefusedWithIt() {
    let most = settings { ($0.maxMemory, $0.maxCPUMilli, $0.maxProcesses) = (2 << 30, 500, 9) }
    func text(_ plan: JobPlan) -> String? { JobPolicy.refusal(of: plan, settings: most)?.text }
    #expect(text(plan(memory: 2 << 30, cpus: 0.5, processes: 9)) == nil)
    #expect(text(plan(memory: (2 << 30) + 1)) == "limits: memory is at most 2GiB for you")
    #expect(text(plan(cpus: 0.51)) == "limits: cpus is at most 0.5 for you")
    #expect(text(plan(processes: 10)) == "limits: processes is at most 9 for you")
    #expect(JobPolicy.refusal(of: plan(processes: 10), settings: most)?.reason == .invalid)
  }

  @Test func outputIsAtMostWhatTheClientMayStore() {
    let few = settings { ($0.storedBytes, $0.outputLimit) = (100, 10) }
    #expect(JobPolicy.refusal(of: plan(output: 100), settings: few) == nil)
    #expect(
      JobPolicy.refusal(of: plan(output: 101), settings: few)?.text
        == "output_limit: at most 100, the bytes that a client may store")
  }
}

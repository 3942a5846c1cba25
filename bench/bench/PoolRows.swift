/// The library in a process of its own, without a daemon and its store.
extension Bench {
  func poolRows() throws -> [Row] {
    let span = span(3, quick: 1.5)
    var eager: [BareJobs] = []
    let (lazy, bares) = try interleaved {
      eager.append(try pool("eager", span))
      return try pool("lazy", span)
    } _: {
      try baseline(BareJobs.self, "jobs", "8", "\(span)")
    }
    return rows("lazy", lazy, bares) + rows("eager", eager, bares)
  }

  private func pool(_ evaluation: String, _ span: Double) throws -> BareJobs {
    let text = try Child.run(["\(programs)/pool", evaluation, "8", "\(span)", path("pool")]).text
    return try decode(BareJobs.self, text, of: "pool \(evaluation)")
  }

  private func rows(_ evaluation: String, _ pools: [BareJobs], _ bares: [BareJobs]) -> [Row] {
    [
      Row(
        "jobs of /bin/true in a JobPool, \(evaluation)", unit: "jobs/s", pools.map(\.rate),
        over: "vfork+exec+wait loop, 8 in flight", bares.map(\.rate), goal: .atLeast(0.85)),
      Row(
        "CPU of such a job with its process, \(evaluation)", unit: "us CPU", pools.map(\.costOfJob),
        over: "the bare loop's, with its child", bares.map(\.costOfJob), goal: .none),
    ]
  }
}

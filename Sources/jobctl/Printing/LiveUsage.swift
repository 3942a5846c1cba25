import JobAPI

/// What running jobs use: memory now, and CPU time between two looks at them.
struct LiveUsage {
  struct Row: Equatable {
    let job: JobDetail
    /// Percent of one CPU; nil: it was not there at the look before, or nothing is known.
    var cpu: Double?
    var memory: Int64?
    var cpuTime: Int64?
  }

  enum Order: String, CaseIterable { case cpu, memory }

  private var last: [JobID: Int64] = [:]
  private var lastTime: Int64?

  /// The rows of a look at `time`, microseconds of a clock that is never set; those that use most first.
  mutating func look(_ jobs: [JobDetail], at time: Int64, _ order: Order) -> [Row] {
    let passed = lastTime.map { time - $0 } ?? 0
    let rows = jobs.map { job in
      let used = job.usage.map { $0.userMicroseconds + $0.systemMicroseconds }
      var row = Row(job: job, memory: job.usage?.memoryBytes, cpuTime: used)
      if let used, let before = last[job.id], passed > 0 {
        row.cpu = Double(max(0, used - before)) * 100 / Double(passed)
      }
      return row
    }
    last = [:]
    for row in rows { last[row.job.id] = row.cpuTime }
    lastTime = time
    return rows.sorted { Self.key($0, order) > Self.key($1, order) }
  }

  /// Of equal ones the newest is first, as in all lists.
  private static func key(_ row: Row, _ order: Order) -> (Double, Double, JobID) {
    let (cpu, memory) = (row.cpu ?? -1, Double(row.memory ?? -1))
    return order == .cpu ? (cpu, memory, row.job.id) : (memory, cpu, row.job.id)
  }

  /// A summary, the table and a note of what is wrong, on so many columns and lines; nil: as many as it takes.
  static func screen(
    _ rows: [Row], showsClient: Bool = false, width: Int?, height: Int?, _ note: String? = nil
  ) -> String {
    let above = [summary(rows)] + (note.map { [Text.printable($0)] } ?? [])
    let table = JobTable.top(rows, showsClient: showsClient).text(width: width, colour: false)
    let text = Text.first(height, above.map { $0 + "\n" }.joined() + table)
    guard let width else { return text }
    return text.split(separator: "\n").map { Text.cut(String($0), width) + "\n" }.joined()
  }

  private static func summary(_ rows: [Row]) -> String {
    let (cpu, memory) = (rows.compactMap(\.cpu).reduce(0, +), rows.compactMap(\.memory).reduce(0, +))
    let jobs = Spell.count(rows.count, "job runs", "jobs run")
    return "\(jobs), CPU \(Spell.tenths(cpu)) %, memory \(ByteCount.text(memory))"
  }
}

extension JobTable {
  /// Of what runs, with what it uses.
  static func top(_ rows: [LiveUsage.Row], showsClient: Bool) -> JobTable {
    JobTable(
      head: ["ID", "CPU %", "CPU TIME", "MEMORY"] + (showsClient ? ["CLIENT"] : []) + ["COMMAND"],
      rows: rows.map { row in
        [
          String("\(row.job.id)".suffix(JobName.shown)), row.cpu.map(Spell.tenths) ?? "-",
          row.cpuTime.map(Spell.seconds) ?? "-", row.memory.map(ByteCount.text) ?? "-",
        ] + (showsClient ? [client(row.job)] : []) + [command(row.job)]
      }, colours: rows.map { _ in nil })
  }
}

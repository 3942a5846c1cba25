import JobAPI
import Platform

/// Jobs as a table: columns as wide as what is in them, the last one cut off where the screen ends.
struct JobTable {
  private let head: [String]
  private let rows: [[String]]
  private let colours: [Colour?]
  /// The column that is painted.
  private static let stateColumn = 1

  init(head: [String], rows: [[String]], colours: [Colour?]) {
    (self.head, self.rows, self.colours) = (head, rows, colours)
  }

  /// `showsClient`: whose each is.
  static func short(
    _ jobs: [JobDetail], showsClient: Bool = false, _ clock: Clock = .system
  ) -> JobTable {
    let now = clock.now() / 1000
    return JobTable(
      head: ["ID", "STATE", "CODE", "AGE"] + (showsClient ? ["CLIENT"] : []) + ["COMMAND"],
      rows: jobs.map { job in
        [
          job.id.short, state(job), code(job),
          Age.text(seconds: (now - job.id.milliseconds) / 1000),
        ] + (showsClient ? [client(job)] : []) + [command(job)]
      }, colours: jobs.map(colour))
  }

  static func wide(_ jobs: [JobDetail], showsClient: Bool = false) -> JobTable {
    JobTable(
      head: ["ID", "STATE", "CODE", "CREATED", "FINISHED", "STDOUT", "STDERR", "CPU", "MEMORY"]
        + (showsClient ? ["CLIENT"] : []) + ["RUNNER", "LABELS", "COMMAND"],
      rows: jobs.map { job in
        [
          "\(job.id)", state(job), code(job), second(job.created), job.finished.map(second) ?? "-",
          ByteCount.text(job.stdoutBytes), ByteCount.text(job.stderrBytes), cpuTime(job), memory(job),
        ] + (showsClient ? [client(job)] : []) + [job.runner ?? "-", labels(job), command(job)]
      }, colours: jobs.map(colour))
  }

  /// `width`: of the screen; nil: nothing is cut off.
  func text(width: Int?, colour: Bool) -> String {
    let columns = head.indices.dropLast().map { column in
      ([head] + rows).map { DisplayWidth.of($0[column]) }.max() ?? 0
    }
    let fixed = columns.reduce(0) { $0 + $1 + 2 }
    func line(_ row: [String], _ paint: Colour?) -> String {
      if let width, width <= fixed { return Text.cut(row.joined(separator: " "), width) + "\n" }
      let cells = columns.indices.map { column in
        let cell = Text.pad(row[column], columns[column])
        return column == Self.stateColumn ? paint?.paint(cell) ?? cell : cell
      }
      let last = width.map { Text.cut(row[row.count - 1], $0 - fixed) } ?? row[row.count - 1]
      return (cells + [last]).joined(separator: "  ") + "\n"
    }
    return line(head, nil) + zip(rows, colours).map { line($0, colour ? $1 : nil) }.joined()
  }

  private static func colour(_ job: JobDetail) -> Colour? {
    switch job.status {
    case .running: job.queued == true ? nil : .green
    case .error: .red
    case .completed: job.exitCode == 0 && job.timedOut != true ? nil : .yellow
    }
  }

  private static func state(_ job: JobDetail) -> String {
    if job.queued == true { return "queued" }
    return job.status == .completed && job.timedOut == true ? "timed out" : job.status.rawValue
  }

  private static func code(_ job: JobDetail) -> String { job.exitCode.map { "\($0)" } ?? "-" }

  private static func cpuTime(_ job: JobDetail) -> String {
    job.usage.map { Spell.seconds($0.userMicroseconds + $0.systemMicroseconds) } ?? "-"
  }

  /// What it has now, or had at most.
  private static func memory(_ job: JobDetail) -> String {
    let bytes = job.usage?.memoryBytes ?? job.usage?.maxResidentKiB.map { $0 * 1024 }
    return bytes.map(ByteCount.text) ?? "-"
  }

  static func command(_ job: JobDetail) -> String {
    ([job.cmd] + job.args).map(Text.quote).joined(separator: " ")
  }

  static func client(_ job: JobDetail) -> String { job.client.map(Text.printable) ?? "-" }

  private static func labels(_ job: JobDetail) -> String {
    guard let labels = job.labels, !labels.isEmpty else { return "-" }
    return labels.sorted { $0.key < $1.key }.map { Text.quote("\($0.key)=\($0.value)") }.joined(
      separator: ",")
  }

  /// Without the fraction of a second.
  private static func second(_ time: String) -> String { time.prefix { $0 != "." } + "Z" }
}

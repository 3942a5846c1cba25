import CJobPlan
import JobAPI

/// What a job is to run, as it crosses to the supervisor, is stored and is executed: the same bytes everywhere
/// (`jobplan/plan.h`).
package struct JobPlan: Equatable, Sendable {
  /// Checked: nothing but a whole plan is ever in here.
  package let bytes: [UInt8]

  /// Encodes a request that is valid, without its secrets and standard input. Equal ones have equal plans.
  package init(_ request: CreateRequest, _ trace: Traceparent? = nil) {
    var strings = PlanStrings()
    strings.append(request.cmd)
    for argument in request.args { strings.append(argument) }
    let environment = Self.sorted(request.env)
    for (name, value) in environment { strings.append(name, "=", value) }
    let labels = Self.sorted(request.labels)
    for (name, value) in labels {
      strings.append(name)
      strings.append(value)
    }
    var flags: [jc_plan_flag] = []
    if request.stdinOpen == true { flags.append(JC_PLAN_STDIN_OPEN) }
    if request.merge == true { flags.append(JC_PLAN_MERGE) }
    if request.onLimit == .kill { flags.append(JC_PLAN_KILL_AT_LIMIT) }
    if request.tty != nil { flags.append(JC_PLAN_TERMINAL) }
    if request.grace != nil { flags.append(JC_PLAN_GRACE) }
    if request.outputLimit != nil { flags.append(JC_PLAN_OUTPUT_LIMIT) }
    for (kind, text) in [
      (JC_PLAN_CWD, request.cwd), (JC_PLAN_USER, request.user), (JC_PLAN_GROUP, request.group),
      (JC_PLAN_QUEUE, request.queue), (JC_PLAN_RUNNER, request.runner),
      (JC_PLAN_TRACE, trace.map { Self.tracePrefix + $0.text }),
    ] {
      guard let text else { continue }
      flags.append(kind)
      strings.append(text)
    }
    bytes = strings.encoded(
      jc_plan_header(
        magic: JC_PLAN_MAGIC, size: UInt32(MemoryLayout<jc_plan_header>.size),
        flags: flags.reduce(0) { $0 | $1.rawValue }, arguments: UInt32(1 + request.args.count),
        environment: UInt32(environment.count), labels: UInt32(labels.count),
        timeout_ms: UInt64(request.timeout?.milliseconds ?? 0),
        grace_ms: UInt64(request.grace?.milliseconds ?? 0), output_limit: UInt64(request.outputLimit ?? 0),
        priority: Int32(request.priority ?? 0),
        queue_slots: request.queue == nil ? 0 : UInt32(request.queueSlots ?? 1),
        memory: UInt64(request.limits?.memory?.bytes ?? 0), cpu_milli: request.limits?.cpuMilli ?? 0,
        processes: UInt32(request.limits?.processes ?? 0), rows: UInt16(request.tty?.rows ?? 0),
        columns: UInt16(request.tty?.columns ?? 0), reserved: 0))
  }

  /// Checks what no request may contain, since the bytes come from a process that is not trusted.
  package init(checking bytes: UnsafeRawBufferPointer) throws(MalformedBytes) {
    guard let base = bytes.baseAddress, jc_plan_check(base, bytes.count) == 0 else { throw MalformedBytes() }
    let header = jc_plan_view(base).header
    let longest = UInt64(DurationText.longest)
    guard header.timeout_ms <= longest, header.grace_ms <= longest,
      abs(Int64(header.priority)) <= CreateRequest.Limits.priority
    else { throw MalformedBytes() }
    self.bytes = [UInt8](bytes)
    guard let trace = read({ $0.text(JC_PLAN_TRACE) }) else { return }
    guard trace == "\(Self.tracePrefix)\(traceparent?.text ?? "")" else { throw MalformedBytes() }
  }

  private static let tracePrefix = "\(Traceparent.variable)="

  /// By name's bytes: the order in which the C side looks for names that are there twice.
  private static func sorted(_ pairs: [String: String]?) -> [(key: String, value: String)] {
    guard let pairs, !pairs.isEmpty else { return [] }
    return pairs.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
  }
}

extension JobPlan {
  /// The command and its arguments.
  package var command: [String] { read { plan in (0..<plan.header.arguments).map(plan.string) } }
  package var user: String? { read { $0.text(JC_PLAN_USER) } }
  package var group: String? { read { $0.text(JC_PLAN_GROUP) } }
  /// Standard input stays open for `PUT /jobs/<id>/stdin`.
  package var isStdinOpen: Bool { read { $0.has(JC_PLAN_STDIN_OPEN) } }
  /// Input comes by `PUT /jobs/<id>/stdin`.
  package var takesInput: Bool { isStdinOpen || terminal != nil }
  /// The terminal that its descriptors are; nil: they are none.
  package var terminal: TerminalSize? {
    read { plan in
      guard plan.has(JC_PLAN_TERMINAL) else { return nil }
      return TerminalSize(rows: Int64(plan.header.rows), columns: Int64(plan.header.columns))
    }
  }
  /// Milliseconds between TERM and KILL; nil: the daemon's.
  package var grace: UInt64? { read { $0.has(JC_PLAN_GRACE) ? $0.header.grace_ms : nil } }

  /// Bytes kept of each stream; nil: the daemon's.
  package var outputLimit: UInt64? { read { $0.has(JC_PLAN_OUTPUT_LIMIT) ? $0.header.output_limit : nil } }

  /// Among the client's jobs that wait: the highest first.
  package var priority: Int { read { Int($0.header.priority) } }
  /// The named queue that it waits in.
  package var queue: String? { read { $0.text(JC_PLAN_QUEUE) } }
  /// The name of the runner that it is launched by; nil: by none.
  package var runner: String? { read { $0.text(JC_PLAN_RUNNER) } }
  /// Of the request that created it.
  package var traceparent: Traceparent? {
    read { $0.text(JC_PLAN_TRACE) }.flatMap { Traceparent(String($0.dropFirst(Self.tracePrefix.count))) }
  }
  /// Jobs of that queue that may run at once.
  package var queueSlots: Int { read { Int(max($0.header.queue_slots, 1)) } }
  /// What its processes together may use; 0: no limit.
  package var limits: (memory: UInt64, cpuMilli: UInt32, processes: UInt32) {
    read { ($0.header.memory, $0.header.cpu_milli, $0.header.processes) }
  }

  /// What is added to the fixed environment of jobs, by the bytes of the names.
  package var environment: [(name: String, value: String)] {
    read { plan in
      (0..<plan.header.environment).map { index in
        // By bytes: what follows it may belong to the character that begins with it.
        let text = plan.string(plan.header.arguments + index)
        let mark = text.utf8.firstIndex(of: UInt8(ascii: "="))!
        return (name: String(text[..<mark]), value: String(text[text.utf8.index(after: mark)...]))
      }
    }
  }

  /// With the trace, as the job has it.
  package var environmentWithTrace: [(name: String, value: String)] {
    let environment = environment
    guard let traceparent, !environment.contains(where: { $0.name == Traceparent.variable }) else {
      return environment
    }
    return environment + [(name: Traceparent.variable, value: traceparent.text)]
  }

  package var labels: [String: String] {
    read { plan in
      let first = plan.header.arguments + plan.header.environment
      let pairs = (0..<plan.header.labels).map {
        (plan.string(first + 2 * $0), plan.string(first + 2 * $0 + 1))
      }
      // Names that differ in bytes can be the same text (Unicode, canonical equivalence).
      return Dictionary(pairs, uniquingKeysWith: { $1 })
    }
  }

  /// The request that it was made of, but what may hold secrets, the environment and standard input.
  package var visibleRequest: CreateRequest {
    read { plan in
      var request = CreateRequest(
        cmd: plan.string(0), args: (1..<plan.header.arguments).map(plan.string))
      request.cwd = plan.text(JC_PLAN_CWD)
      (request.user, request.group, request.runner) = (user, group, runner)
      let labels = labels
      request.labels = labels.isEmpty ? nil : labels
      request.merge = plan.has(JC_PLAN_MERGE) ? true : nil
      request.tty = terminal
      request.onLimit = plan.has(JC_PLAN_KILL_AT_LIMIT) ? .kill : nil
      let header = plan.header
      request.outputLimit = outputLimit.map { Int64(clamping: $0) }
      request.grace = plan.has(JC_PLAN_GRACE) ? DurationText(milliseconds: Int64(header.grace_ms)) : nil
      request.timeout = header.timeout_ms > 0 ? DurationText(milliseconds: Int64(header.timeout_ms)) : nil
      request.priority = header.priority == 0 ? nil : Int64(header.priority)
      request.queue = queue
      request.queueSlots = request.queue == nil ? nil : Int64(queueSlots)
      request.limits = JobLimits(
        memory: header.memory, cpuMilli: header.cpu_milli, processes: header.processes)
      return request
    }
  }

  private func read<Result>(_ body: (jc_plan) -> Result) -> Result {
    bytes.withUnsafeBytes { body(jc_plan_view($0.baseAddress!)) }
  }
}

extension jc_plan_header {
  fileprivate var hasFirstMembersOnly: Bool {
    priority == 0 && queue_slots == 0 && memory == 0 && cpu_milli == 0 && processes == 0
  }
}

extension jc_plan {
  fileprivate func has(_ flag: jc_plan_flag) -> Bool { header.flags & flag.rawValue != 0 }

  fileprivate func string(_ index: UInt32) -> String {
    withUnsafePointer(to: self) { String(cString: jc_plan_string($0, index)) }
  }

  fileprivate func text(_ kind: jc_plan_flag) -> String? {
    withUnsafePointer(to: self) { jc_plan_text($0, kind).map { String(cString: $0) } }
  }
}

/// Strings ended by NUL, and where each ends.
private struct PlanStrings {
  private var bytes: [UInt8] = []
  private var ends: [UInt32] = []

  init() { bytes.reserveCapacity(256) }

  /// One string of these parts.
  mutating func append(_ parts: String...) {
    for part in parts { bytes.append(contentsOf: part.utf8) }
    bytes.append(0)
    ends.append(UInt32(bytes.count))
  }

  /// What an earlier version can say it says in the same bytes, of which a digest may have been kept.
  func encoded(_ header: jc_plan_header) -> [UInt8] {
    var header = header
    if header.rows == 0 {
      header.size = UInt32(header.hasFirstMembersOnly ? JC_PLAN_FIRST_SIZE : JC_PLAN_SECOND_SIZE)
    }
    var plan: [UInt8] = []
    plan.reserveCapacity(Int(header.size) + 4 * ends.count + bytes.count)
    withUnsafeBytes(of: header) { plan.append(contentsOf: $0.prefix(Int(header.size))) }
    ends.withUnsafeBytes { plan.append(contentsOf: $0) }
    plan.append(contentsOf: bytes)
    return plan
  }
}

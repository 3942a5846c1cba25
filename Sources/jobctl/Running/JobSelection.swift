import JobClient
import Platform

/// `--filter`, the same for all commands that have it: those of the client's jobs of which each filter is true.
struct JobSelection {
  /// What a job may be, `queued` and `failed` beside the states of the API.
  enum State: String, CaseIterable {
    case running, queued, completed, error, failed

    /// The states of the API that such a job may have.
    var known: Set<JobState> {
      switch self {
      case .running, .queued: [.running]
      case .completed: [.completed]
      case .error: [.error]
      case .failed: [.completed, .error]
      }
    }

    func holds(for job: JobDetail) -> Bool {
      guard known.contains(job.status) else { return false }
      return switch self {
      case .failed: ExitCode.of(job.state) != 0
      case .queued: job.queued == true
      case .running, .completed, .error: true
      }
    }
  }

  static let states = State.allCases.map(\.rawValue).alternatives
  static let explanation = """
    state=STATE: the job is \(states), where queued jobs are running ones that wait for a slot, and failed is what \"jobctl wait\" fails for: state error, an exit code other \
    than 0, or its time limit. since=TIME: it was created since then, a duration back from now or a time such as \
    2026-01-31T12:00:00Z. label=NAME=VALUE: it has this label. All that are given hold.
    """

  /// `jobs`: which are meant where no filter says a state.
  static func option(_ jobs: String) -> Option {
    Option(
      "filter", .pair(beginnings: ["state=", "since=", "label="]), isRepeated: true,
      "\(jobs): state=failed, since=1h or label=NAME=VALUE; all that are given hold.")
  }

  /// Whose jobs they are; for those whose role lets them see others'.
  static let clients = [
    Option("client", .text("NAME"), "Jobs of this client, where your role lets you see others'."),
    Option("all-clients", "Jobs of all clients."),
  ]

  /// Whether a table says whose each job is.
  static func isOfOthers(_ invocation: Invocation) -> Bool {
    invocation.has("client") || invocation.has("all-clients")
  }

  private var states: [State] = []
  private var query: Query = [:]

  /// `otherwise`: the states where no filter names one.
  init(_ invocation: Invocation, otherwise: Set<JobState> = []) throws(UsageError) {
    query.add("client", try Self.client(invocation))
    var since: String?
    for filter in invocation.all("filter") {
      let (name, value) = filter.halves(at: "=")
      try Self.check(name, value!, invocation)
      switch name {
      case "state": states.append(State(rawValue: value!)!)
      case "since": since = Self.later(since, value!)
      default: query.add("label", value)
      }
    }
    query.add("since", since)
    let known = states.map(\.known).reduce(states.isEmpty ? otherwise : Set(JobState.allCases)) {
      $0.intersection($1)
    }
    let words = states.contains(.queued) && known.contains(.running) ? ["queued"] : known.map(\.rawValue)
    for state in words.sorted() { query.add("state", state) }
  }

  /// Nil: the one who asks.
  static func client(_ invocation: Invocation) throws(UsageError) -> String? {
    guard invocation.has("all-clients") else { return invocation.value("client") }
    guard !invocation.has("client") else { throw invocation.usage("--all-clients excludes --client") }
    return "*"
  }

  private static func check(_ name: String, _ value: String, _ invocation: Invocation) throws(UsageError) {
    let kinds: [String: any AnyOptionValue] = [
      "state": OptionValue.oneOf(State.allCases.map(\.rawValue)), "since": OptionValue.time,
      "label": OptionValue.pair(),
    ]
    guard let kind = kinds[name] else {
      throw invocation.usage("--filter \(name) must be state, since or label: label=NAME=VALUE")
    }
    if let demand = kind.demand(of: value) { throw invocation.usage("--filter \(name) must be \(demand)") }
  }

  /// The one of two times that is later, by this host's clock.
  private static func later(_ one: String?, _ other: String) -> String {
    func time(_ text: String) -> Int64 {
      TimeText.microseconds(text) ?? Clock.microseconds() - DurationText(text)!.milliseconds * 1000
    }
    return one.map { time($0) > time(other) ? $0 : other } ?? other
  }

  /// Those that run come with what they use now.
  mutating func askForUsage() { query.add("usage", "1") }

  /// The newest first, `most` of them at most.
  func visit(_ client: JobClient, most: Int = .max, _ body: (JobDetail) throws -> Void) throws {
    try JobPages(client, query).visit(
      most: most, where: { job in states.allSatisfy { $0.holds(for: job) } }, body)
  }

  /// Whether options say which jobs are meant. That they may be anybody's does not.
  static func isSelection(_ invocation: Invocation) -> Bool {
    invocation.has("filter") || invocation.has("client")
  }

  /// The jobs a command is to act on, newest first: those that are named, or those the filters mean.
  static func names(_ invocation: Invocation, otherwise: Set<JobState>) throws -> [String] {
    let named = invocation.arguments
    guard isSelection(invocation) else {
      guard !isOfOthers(invocation) else { throw invocation.usage("--all-clients needs --filter") }
      guard !named.isEmpty else { throw invocation.usage("expected ID... or --filter") }
      return named
    }
    guard named.isEmpty else {
      throw invocation.usage("--filter and --client exclude ids")
    }
    let (client, selection) = (
      try Settings.client(invocation), try JobSelection(invocation, otherwise: otherwise)
    )
    var names: [String] = []
    try Bridge(client).call {
      names = []
      try selection.visit(client) { names.append("\($0.id)") }
    }
    return names
  }
}

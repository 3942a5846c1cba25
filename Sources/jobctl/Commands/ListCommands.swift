import FoundationEssentials
import Glibc
import JobAPI
import JobClient

extension Command {
  static let ps = Command(
    name: "ps", summary: "Lists your jobs: those that run, or all of them.",
    options: [
      Option("all", short: "a", "Finished jobs too."),
      Option(
        "filter", value: "NAME=VALUE", isRepeated: true, "state=completed, since=1h, or label.NAME=VALUE."),
      Option("output", short: "o", value: "FORMAT", "text, wide (nothing is cut off), or json."),
      Option("watch", short: "w", "Shows the list anew every two seconds, until Ctrl-C."),
    ],
    examples: [
      ("jobctl ps", "what runs now"),
      ("jobctl ps --all --filter since=1h --filter label.stage=build", "the builds of the last hour"),
    ]
  ) { invocation in
    let client = try Settings.client(invocation)
    while true {
      try PsCommand(invocation, client).print()
      guard invocation.has("watch") else { return 0 }
      sleep(2)
    }
  }

  static let inspect = Command(
    name: "inspect", summary: "Prints all that is known of jobs, as JSON.", arguments: "ID...",
    count: 1...Int.max,
    examples: [("jobctl inspect $id", "command, times, exit code, bytes of output, CPU time and memory")]
  ) { invocation in
    let client = try Settings.client(invocation)
    for name in invocation.arguments { try Terminal.print(json: client.detail(try JobName.id(name, client))) }
    return 0
  }

  static let events = Command(
    name: "events", summary: "Prints what happened to your jobs, one JSON object a line.",
    options: [
      Option("follow", short: "f", "Goes on as things happen."),
      Option("after", value: "SEQ", "Only events after this one: where another call stopped."),
    ],
    examples: [
      ("jobctl events --follow", "created, started, finished and deleted, as it happens"),
      ("jobctl events --after 1041", "goes on where another call stopped"),
    ]
  ) { invocation in
    let client = try Settings.client(invocation)
    var after = invocation.value("after")
    var lines = LineSplitter()
    return try Retry.whileTransient(client, tryFirst: true) {
      let query: Query = ["after": after, "follow": invocation.has("follow") ? "1" : nil]
      try client.stream(.events, Route.events.target(query)) { bytes in
        try lines.add(bytes) { line in
          after = try "\(JSONDecoder().decode(JobEvent.self, from: Data(line)).seq)"
          try Terminal.write(line + [0x0a], to: STDOUT_FILENO)
        }
      }
      if invocation.has("follow") { throw ClientError.closed("the server ended the events") }
      return 0
    }
  }
}

private struct PsCommand {
  let invocation: Invocation
  let client: JobClient

  init(_ invocation: Invocation, _ client: JobClient) {
    (self.invocation, self.client) = (invocation, client)
  }

  func print() throws {
    let jobs = try list()
    if invocation.value("output") == "json" {
      for job in jobs { try Terminal.print(json: job) }
      return
    }
    guard [nil, "text", "wide"].contains(invocation.value("output")) else {
      throw invocation.usage("--output must be text, wide or json")
    }
    let width = invocation.value("output") == "wide" ? nil : Screen.width
    let table = JobTable(jobs, colour: Screen.hasColour)
    try Terminal.print(
      (invocation.has("watch") && Screen.isTerminal ? Screen.clear : "") + table.text(width: width))
  }

  private func list() throws -> [JobDetail] {
    var query = try filters()
    if !invocation.has("all"), query["state"] == nil { query.add("state", "running") }
    query.add("limit", "1000")
    var jobs: [JobDetail] = []
    var cursor: String?
    repeat {
      var page = query
      page.add("cursor", cursor)
      let list = try client.list(page)
      jobs += list.jobs
      cursor = list.next
    } while cursor != nil
    return jobs
  }

  private func filters() throws -> Query {
    var query: Query = [:]
    for filter in invocation.all("filter") {
      let parts = filter.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(
        String.init)
      guard parts.count == 2 else { throw invocation.usage("--filter \(filter) must be NAME=VALUE") }
      if parts[0].hasPrefix("label.") {
        query.add("label", "\(parts[0].dropFirst(6))=\(parts[1])")
      } else if ["state", "since"].contains(parts[0]) {
        query.add(parts[0], parts[1])
      } else {
        throw invocation.usage("--filter \(parts[0]) must be state, since or label.NAME")
      }
    }
    return query
  }
}

/// The list as a table.
private struct JobTable {
  private let rows: [[String]]
  private let states: [JobState]
  private let colour: Bool
  private static let head = ["ID", "STATE", "CODE", "AGE", "COMMAND"]

  init(_ jobs: [JobDetail], colour: Bool) {
    self.colour = colour
    states = jobs.map(\.status)
    rows = jobs.map { job in
      [
        String("\(job.id)".suffix(12)), job.status.rawValue, job.exitCode.map { "\($0)" } ?? "-",
        Age.text(since: job.id),
        ([job.cmd] + job.args).map(Shell.quote).joined(separator: " "),
      ]
    }
  }

  /// `width`: of the terminal; nil: nothing is cut off.
  func text(width: Int?) -> String {
    let columns = Self.head.indices.dropLast().map { column in
      ([Self.head] + rows).map { $0[column].count }.max() ?? 0
    }
    func line(_ row: [String], _ state: JobState?) -> String {
      let fixed = columns.indices.map { Help.pad(row[$0], columns[$0]) }.joined(separator: "  ") + "  "
      let room = width.map { max(8, $0 - fixed.count) } ?? Int.max
      let command = row[row.count - 1]
      let cut = command.count > room ? command.prefix(room - 1) + "…" : command[...]
      let text = fixed + cut
      return colour && state == .error ? "\u{1b}[31m\(text)\u{1b}[0m\n" : "\(text)\n"
    }
    return line(Self.head, nil) + zip(rows, states).map { line($0, $1) }.joined()
  }
}

enum Age {
  /// Since the job was created, which its id tells.
  static func text(since id: JobID) -> String {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    let seconds = max(0, Int64(now.tv_sec) - id.milliseconds / 1000)
    switch seconds {
    case 0..<120: return "\(seconds)s"
    case 120..<7200: return "\(seconds / 60)m"
    case 7200..<172_800: return "\(seconds / 3600)h"
    default: return "\(seconds / 86400)d"
    }
  }
}

enum Shell {
  /// As it would be typed; control characters cannot reach the terminal.
  static func quote(_ word: String) -> String {
    let plain = word.utf8.allSatisfy { byte in
      (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
        || "-_./:=@%+,".utf8.contains(byte)
    }
    if plain && !word.isEmpty { return word }
    let safe = String(
      String.UnicodeScalarView(
        word.unicodeScalars.map { $0.properties.generalCategory == .control ? "?" : $0 }))
    return "'" + safe.replacing("'", with: #"'\''"#) + "'"
  }
}

/// What stdout is shown on.
enum Screen {
  static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }
  static var hasColour: Bool {
    isTerminal && Environment()["NO_COLOR"] == nil && Environment()["TERM"] != "dumb"
  }
  static let clear = "\u{1b}[H\u{1b}[2J"

  /// Columns; nil when it is no terminal.
  static var width: Int? {
    var size = winsize()
    guard isTerminal, ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
    return Int(size.ws_col)
  }
}

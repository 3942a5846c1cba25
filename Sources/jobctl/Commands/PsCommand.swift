import Glibc
import JobAPI
import JobClient

extension Command {
  static let ps = Command(
    name: "ps", summary: "Lists your jobs, newest first: those that run, or all of them.",
    options: [
      Option("all", short: "a", "Finished jobs too."),
      Option(
        "filter", .pair(beginnings: ["state=", "since=", "label."]), isRepeated: true,
        "state=completed, since=1h, or label.NAME=VALUE."),
      Option("limit", .number("N", least: 1), "At most so many."),
      Option("quiet", short: "q", "Prints ids alone."),
      Option(
        "output", short: "o", .oneOf(["text", "wide", "json"]),
        "wide: whole ids, labels, times and bytes; json: one object a line."),
      Option("watch", short: "w", "Shows the list anew every two seconds, until Ctrl-C."),
    ],
    examples: [
      ("jobctl ps", "what runs now"),
      ("jobctl ps --all --filter since=1h --filter label.stage=build", "the builds of the last hour"),
      ("jobctl stop $(jobctl ps -q)", "ends all that runs"),
    ]
  ) { invocation in
    try PsCommand.refuseConflicts(invocation)
    let client = try Settings.client(invocation)
    let query = try PsCommand.query(invocation)
    let bridge = Bridge(client)
    while true {
      try PsCommand.print(try bridge.call { try PsCommand.list(invocation, client, query) }, invocation)
      guard invocation.has("watch") else { return 0 }
      sleep(2)
    }
  }
}

private enum PsCommand {
  static func refuseConflicts(_ invocation: Invocation) throws(UsageError) {
    let output = invocation.value("output") ?? "text"
    if invocation.has("quiet"), output != "text" {
      throw invocation.usage("--quiet excludes --output \(output)")
    }
    if invocation.has("watch"), invocation.wantsJSON {
      throw invocation.usage("--watch excludes --output json")
    }
  }

  static func query(_ invocation: Invocation) throws(UsageError) -> Query {
    var query: Query = [:]
    for filter in invocation.all("filter") {
      let parts = filter.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(
        String.init)
      if parts[0].hasPrefix("label.") {
        query.add("label", "\(parts[0].dropFirst(6))=\(parts[1])")
      } else {
        try check(parts[0], parts[1], invocation)
        guard parts[0] == "state" || query[parts[0]] == nil else {
          throw invocation.usage("--filter \(parts[0]) is given twice")
        }
        query.add(parts[0], parts[1])
      }
    }
    if !invocation.has("all"), query["state"] == nil { query.add("state", JobState.running.rawValue) }
    return query
  }

  private static func check(_ name: String, _ value: String, _ invocation: Invocation) throws(UsageError) {
    let kinds = ["state": OptionValue.oneOf(["running", "completed", "error"]), "since": .time]
    guard let kind = kinds[name] else {
      throw invocation.usage("--filter \(name) must be state, since or label.NAME")
    }
    if let demand = kind.demand(of: value) { throw invocation.usage("--filter \(name) must be \(demand)") }
  }

  static func list(_ invocation: Invocation, _ client: JobClient, _ query: Query) throws -> [JobDetail] {
    var jobs: [JobDetail] = []
    let most = invocation.number("limit").map { Int(clamping: $0) } ?? .max
    try JobPages(client, query).visit(most: most) { jobs.append($0) }
    return jobs
  }

  static func print(_ jobs: [JobDetail], _ invocation: Invocation) throws {
    let clear = invocation.has("watch") && Screen.isTerminal ? Screen.clear : ""
    if invocation.wantsJSON {
      for job in jobs { try Terminal.print(json: job) }
    } else if invocation.has("quiet") {
      try Terminal.print(clear + jobs.map { "\($0.id)\n" }.joined())
    } else if invocation.value("output") == "wide" {
      try Terminal.print(clear + JobTable.wide(jobs).text(width: nil, colour: Screen.hasColour()))
    } else {
      try Terminal.print(clear + JobTable.short(jobs).text(width: Screen.width, colour: Screen.hasColour()))
    }
  }
}

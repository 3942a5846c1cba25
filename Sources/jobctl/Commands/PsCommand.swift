import Glibc
import JobClient
import Platform

extension Command {
  static let ps = Command(
    name: "ps", summary: "Lists your jobs, newest first: those that run, or all of them.",
    options: [
      Option("all", short: "a", "Finished jobs too."),
      Option(
        "filter", .pair(beginnings: ["state=", "since=", "label."]), isRepeated: true,
        "state=completed, since=1h, or label.NAME=VALUE."),
      Option("limit", .number(1 ... .max), "At most so many."),
      Option("quiet", short: "q", "Prints ids alone."),
      .output(
        "wide: whole ids, labels, times and bytes; json: one object a line.", ["text", "wide", "json"]),
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
      let (name, value) = filter.halves(at: "=")
      if name.hasPrefix("label.") {
        query.add("label", String(filter.dropFirst(6)))
      } else {
        try check(name, value!, invocation)
        guard name == "state" || query[name] == nil else {
          throw invocation.usage("--filter \(name) is given twice")
        }
        query.add(name, value)
      }
    }
    if !invocation.has("all"), query["state"] == nil { query.add("state", JobState.running.rawValue) }
    return query
  }

  private static func check(_ name: String, _ value: String, _ invocation: Invocation) throws(UsageError) {
    let kinds: [String: any AnyOptionValue] = [
      "state": OptionValue.oneOf(["running", "completed", "error"]), "since": OptionValue.time,
    ]
    guard let kind = kinds[name] else {
      throw invocation.usage("--filter \(name) must be state, since or label.NAME")
    }
    if let demand = kind.demand(of: value) { throw invocation.usage("--filter \(name) must be \(demand)") }
  }

  static func list(_ invocation: Invocation, _ client: JobClient, _ query: Query) throws -> [JobDetail] {
    var jobs: [JobDetail] = []
    try JobPages(client, query).visit(most: invocation.number("limit") ?? .max) { jobs.append($0) }
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

import Glibc
import JobClient
import Platform

extension Command {
  static let ps = Command(
    name: "ps", summary: "Lists your jobs, newest first: those that run or wait, or all of them.",
    options: [
      Option("all", short: "a", "Finished jobs too."),
      JobSelection.option("Of those that run or wait, or of all where a state is given"),
      Option("limit", .number(1 ... .max), "At most so many."),
      Option("quiet", short: "q", "Prints ids alone."),
      .output(
        "wide: whole ids, labels, runners, times, bytes, CPU time and memory; json: one object a line.",
        ["text", "wide", "json"]),
      Option("watch", short: "w", "Shows the list anew every two seconds, until Ctrl-C."),
    ] + JobSelection.clients,
    examples: [
      ("jobctl ps", "what runs now"),
      ("jobctl ps --all --filter since=1h --filter label=stage=build", "the builds of the last hour"),
      ("jobctl stop $(jobctl ps -q)", "ends all that runs"),
      ("jobctl ps --all-clients", "whatever runs, for an operator or a viewer"),
    ]
  ) { invocation in
    try PsCommand.refuseConflicts(invocation)
    let client = try Settings.client(invocation)
    var selection = try JobSelection(invocation, otherwise: invocation.has("all") ? [] : [.running])
    if invocation.value("output") == "wide" { selection.askForUsage() }
    let (bridge, chosen) = (Bridge(client), selection)
    while true {
      try PsCommand.print(try bridge.call { try PsCommand.list(invocation, client, chosen) }, invocation)
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

  static func list(_ invocation: Invocation, _ client: JobClient, _ selection: JobSelection) throws
    -> [JobDetail]
  {
    var jobs: [JobDetail] = []
    try selection.visit(client, most: invocation.number("limit") ?? .max) { jobs.append($0) }
    return jobs
  }

  static func print(_ jobs: [JobDetail], _ invocation: Invocation) throws {
    guard !invocation.wantsJSON else {
      for job in jobs { try Terminal.print(json: job) }
      return
    }
    let text = text(jobs, invocation)
    guard invocation.has("watch"), Screen.isTerminal else { return try Terminal.print(text) }
    try Terminal.print(Screen.clear + Text.first(Screen.height, text))
  }

  private static func text(_ jobs: [JobDetail], _ invocation: Invocation) -> String {
    if invocation.has("quiet") { return jobs.map { "\($0.id)\n" }.joined() }
    let showsClient = JobSelection.isOfOthers(invocation)
    if invocation.value("output") == "wide" {
      return JobTable.wide(jobs, showsClient: showsClient).text(width: nil, colour: Screen.hasColour())
    }
    return JobTable.short(jobs, showsClient: showsClient).text(
      width: Screen.width, colour: Screen.hasColour())
  }
}

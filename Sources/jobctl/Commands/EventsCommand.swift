import JobClient

extension Command {
  static let events = Command(
    name: "events", summary: "Prints what happened to your jobs.",
    options: [
      Option("follow", short: "f", "Goes on as things happen."),
      Option("after", .text("SEQ"), "Only events after this one; \"now\": only new ones."),
      JobSelection.clients[0], .json,
    ],
    examples: [
      ("jobctl events --follow --after now", "created, queued, started, finished and deleted, as it happens"),
      ("jobctl events -o json --after 1041", "goes on where another call stopped"),
    ]
  ) { invocation in
    let client = try Settings.client(invocation)
    let bridge = Bridge(client)
    var after = try EventsCommand.after(invocation)
    let follows = invocation.has("follow")
    return try bridge.call {
      try client.events(of: invocation.value("client"), after: after, follows: follows, begin: bridge.reached)
      { event in
        try invocation.print(event, EventsCommand.line(event))
        after = "\(event.seq)"
      }
      if follows { throw ClientError.closed("the server ended the events") }
      return 0
    }
  }
}

private enum EventsCommand {
  static func after(_ invocation: Invocation) throws -> String? {
    guard let text = invocation.value("after") else { return nil }
    guard text == "now" || Int64(text).map({ $0 >= 0 }) == true else {
      throw invocation.usage("--after is \"\(text)\", but must be an event's number or \"now\"")
    }
    return text
  }

  static func line(_ event: JobEvent) -> String {
    let name = Text.pad(event.event.rawValue, 8)
    let end = event.status.map { "  " + StatusText.line($0) } ?? ""
    return "\(event.seq)  \(event.time)  \(name)  \(event.id)\(end)"
  }
}

import JobClient
import Platform

extension Command {
  static let why = Command(
    name: "why", summary: "Says why jobs ended, and where their time went.", operands: .jobs,
    options: [.json],
    details: "Of a job that did not end it says what it waits for, or what it does.",
    examples: [
      ("jobctl why $id", "how it ended and who asked for that, how long it waited and ran, what it used"),
      ("jobctl why -o json $id", "the same for scripts: spans of time in microseconds"),
    ]
  ) { invocation in
    try EachJob.run(invocation.arguments, invocation) { client, id in
      let story = JobStory(try client.detail(id), now: Clock.microseconds())
      try invocation.print(JobStoryReply(story), story.lines.joined(separator: "\n"))
    }
  }
}

import JobClient

extension Command {
  static let signal = Command(
    name: "signal", summary: "Sends a signal to jobs.", operands: .signalAndJobs,
    options: [Option("tree", "To all of the job's processes, not the first alone."), .json],
    examples: [
      ("jobctl signal HUP $id", "by name"), ("jobctl signal --tree 9 $a $b", "by number, to whole trees"),
    ]
  ) { invocation in
    guard let signal = SignalName(invocation.arguments[0]) else {
      throw invocation.usage("\"\(invocation.arguments[0])\" must be \(SignalName.allowed)")
    }
    let request = SignalRequest(signal: signal, tree: invocation.has("tree") ? true : nil)
    return try EachJob.change(invocation.arguments.dropFirst(), invocation) { try $0.signal($1, request) }
  }
}

import FoundationEssentials
import Glibc
import JobAPI
import JobClient

extension Command {
  static let logs = Command(
    name: "logs", summary: "Prints a job's output: stdout to stdout, stderr to stderr, in order of arrival.",
    arguments: "ID", count: 1...1,
    options: [
      Option("follow", short: "f", "Goes on until the job has ended."),
      Option("since", value: "TIME", "Only what came since: 10m ago, or 2026-01-31T12:00:00Z."),
      Option("tail", value: "LINES", "Only the last lines."),
      Option("timestamps", short: "t", "Puts the time before each line."),
      Option("output", short: "o", value: "FORMAT", "text, or json: one object for each piece."),
    ],
    details: "Two pipes keep no exact order between them; start the job with --merge where that matters.",
    examples: [
      ("jobctl logs -f $id", "follows the job, from its beginning"),
      ("jobctl logs --tail 20 --timestamps $id", "the last 20 lines, with the times they came"),
    ]
  ) { invocation in
    let client = try Settings.client(invocation)
    let id = try JobName.id(invocation.arguments[0], client)
    return try LogsCommand(invocation, client, id).run()
  }
}

private struct LogsCommand {
  let invocation: Invocation
  let client: JobClient
  let id: JobID

  init(_ invocation: Invocation, _ client: JobClient, _ id: JobID) {
    (self.invocation, self.client, self.id) = (invocation, client, id)
  }

  private var query: Query {
    [
      "follow": invocation.has("follow") ? "1" : nil, "since": invocation.value("since"),
      "tail": invocation.value("tail"),
    ]
  }

  func run() throws -> Int32 {
    let wantsJSON = try invocation.wantsJSON()
    guard wantsJSON || invocation.has("timestamps") else { return try plain() }
    var lines = LineSplitter()
    var printer = TimestampPrinter()
    try client.stream(.log, Route.log.target(id, query)) { bytes in
      if wantsJSON { return try Terminal.write(bytes, to: STDOUT_FILENO) }
      try lines.add(bytes) { line in
        try printer.print(try JSONDecoder().decode(LogChunk.self, from: Data(line)))
      }
    }
    try printer.finish()
    return 0
  }

  /// Follows over lost connections, as run does, unless only a part was asked for.
  private func plain() throws -> Int32 {
    let output = OutputFollower(client, id, extra: query) { bytes, stream in
      try Terminal.write(bytes, to: stream == .stdout ? STDOUT_FILENO : STDERR_FILENO)
    }
    guard invocation.has("follow") else {
      _ = try output.once()
      return 0
    }
    _ = try Retry.whileTransient(client, tryFirst: true) { try output.follow() }
    return 0
  }
}

/// Puts lines together from the pieces in which they come.
struct LineSplitter {
  private var pending: [UInt8] = []

  mutating func add(_ bytes: ArraySlice<UInt8>, _ handle: (ArraySlice<UInt8>) throws -> Void) throws {
    pending += bytes
    var rest = pending[...]
    while let end = rest.firstIndex(of: 0x0a) {
      try handle(rest[..<end])
      rest = rest[(end + 1)...]
    }
    pending = Array(rest)
  }
}

/// Prints chunks of a log line by line, each with the time its beginning came.
private struct TimestampPrinter {
  private var pending: [OutputStream: (time: String, bytes: [UInt8])] = [:]

  mutating func print(_ chunk: LogChunk) throws {
    let bytes =
      chunk.text.map { Array($0.utf8) } ?? chunk.base64.flatMap { Data(base64Encoded: $0) }.map(Array.init)
      ?? []
    var line = pending[chunk.stream] ?? (chunk.time, [])
    for byte in bytes {
      if line.bytes.isEmpty { line.time = chunk.time }
      line.bytes.append(byte)
      guard byte == 0x0a else { continue }
      try write(line, chunk.stream)
      line.bytes = []
    }
    pending[chunk.stream] = line
  }

  func finish() throws {
    for (stream, line) in pending where !line.bytes.isEmpty {
      try write((line.time, line.bytes + [0x0a]), stream)
    }
  }

  private func write(_ line: (time: String, bytes: [UInt8]), _ stream: OutputStream) throws {
    let whole = Array("\(line.time) ".utf8) + line.bytes
    try Terminal.write(whole[...], to: stream == .stdout ? STDOUT_FILENO : STDERR_FILENO)
  }
}

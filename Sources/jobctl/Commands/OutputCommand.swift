import Glibc
import JobClient

extension Command {
  static let output = Command(
    name: "output", summary: "Copies a job's stdout to stdout and its stderr to stderr, byte for byte.",
    operands: .job, options: [.json],
    details: "What there is now, one stream after the other; \"jobctl logs\" keeps their order, and follows.",
    examples: [
      ("jobctl output $id > out 2> err", "keeps both streams"),
      ("jobctl output -o json $id", "prints both as JSON, what is not UTF-8 replaced"),
    ]
  ) { invocation in
    try JobName.withOnly(invocation) { client, id in
      guard !invocation.wantsJSON else { return try Terminal.print(json: client.output(id)) }
      for stream in OutputStream.allCases { try StreamCopy(client, id, stream).run() }
    }
    return 0
  }
}

/// Copies one stream of a job, over lost connections.
private final class StreamCopy {
  private let client: JobClient
  private let id: JobID
  private let stream: OutputStream
  private var done = 0
  private var progress: Progress?

  init(_ client: JobClient, _ id: JobID, _ stream: OutputStream) {
    (self.client, self.id, self.stream) = (client, id, stream)
  }

  func run() throws {
    let bridge = Bridge(client)
    defer { progress?.finish() }
    do {
      try bridge.call { try copy(bridge) }
    } catch ClientError.status(416, _, _) where done > 0 {
      // The connection was lost behind the last byte.
    }
  }

  private func copy(_ bridge: Bridge) throws {
    let target = stream.route.target(id, ["offset": done == 0 ? nil : "\(done)"])
    try client.stream(stream.route, target, begin: { begin($0, bridge) }, take: take)
  }

  private func take(_ bytes: UnsafeRawBufferPointer) throws {
    try Terminal.write(bytes, to: stream.descriptor)
    done += bytes.count
    progress?.advance(by: bytes.count)
  }

  private func begin(_ connection: Connection, _ bridge: Bridge) {
    bridge.reached()
    if progress == nil {
      progress = Progress(total: connection.header("content-length").flatMap { Int64($0) })
    }
  }
}

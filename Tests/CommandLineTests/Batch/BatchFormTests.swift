import Testing

@testable import JobAPI
@testable import jobctl

@Suite struct BatchFormTests {
  private func form(
    _ change: (inout CreateRequest) -> Void = { _ in }, shell: Bool = false, slots: Int? = nil
  ) -> BatchForm {
    var common = CreateRequest(cmd: "sh")
    change(&common)
    return BatchForm(common, key: "k", usesShell: shell, slots: slots)
  }

  private func fault(_ form: BatchForm, _ text: String) -> String? {
    do {
      _ = try form.request(BatchLine(number: 7, text: text))
      return nil
    } catch {
      return "\(error)"
    }
  }

  @Test func aLineIsACommandWithTheOptionsOfAll() throws {
    let form = form({ ($0.cwd, $0.labels) = ("/tmp", ["a": "b"]) }, slots: 3)
    let request = try form.request(BatchLine(number: 1, text: " echo 'a b'"))
    #expect((request.cmd, request.args) == ("echo", ["a b"]))
    #expect((request.cwd, request.labels) == ("/tmp", ["a": "b", "batch": "k"]))
    #expect((request.queue, request.queueSlots) == ("batch/k", 3))
  }

  @Test func aShellGetsTheLineAsItIs() throws {
    let request = try form(shell: true).request(BatchLine(number: 1, text: " a | 'b"))
    #expect((request.cmd, request.args) == ("sh", ["-c", " a | 'b"]))
  }

  @Test func membersOfAnObjectWinOverOptions() throws {
    let form = form {
      ($0.cwd, $0.timeout, $0.env) = ("/tmp", DurationText("1s"), ["A": "1", "B": "1", "S": "1"])
    }
    let text =
      ##"  {"cmd":"x","args":["y"],"cwd":"/","env":{"B":"2"},"secret_env":{"S":"2"},"labels":{"l":"m"},"queue":"q"}"##
    let request = try form.request(BatchLine(number: 1, text: text))
    #expect((request.cmd, request.args, request.cwd) == ("x", ["y"], "/"))
    #expect((request.env, request.secretEnv) == (["A": "1", "B": "2"], ["S": "2"]))
    #expect((request.timeout, request.queue) == (DurationText("1s"), "q"))
    #expect(request.labels == ["l": "m", "batch": "k"])
    #expect(form.name(BatchLine(number: 1, text: text)) == "x y", "no secret")
  }

  @Test(arguments: [
    (#"{"cmd":"x","nonsense":1}"#, "nonsense"), (#"{"cmd":1}"#, "\"cmd\" must be a string"),
    (#"{"args":[]}"#, "cmd"), (#"{"cmd":"x""#, "JSON"),
    (#"{"cmd":"x","stdin_open":true}"#, "\"stdin_open\" must not be true"),
    (#"{"cmd":"x","labels":{"batch":"y"}}"#, "the batch's own"),
    (#"{"cmd":"x","queue":"y"}"#, "excludes -j"), (#"{"cmd":"x","queue_slots":2}"#, "beside \"queue\""),
    ("'x", "a ' is not closed"), ("''", "\"cmd\" must be"),
    ("x a\u{0}b", "NUL"),
  ])
  func aFaultNamesTheLineAndTheMember(text: String, words: String) {
    let told = fault(form(slots: 1), text)
    #expect(told?.contains("the body") == false)
    #expect(told?.hasPrefix("line 7: ") == true && told?.contains(words) == true, "\(told ?? "none")")
  }

  @Test func commentsAndBlanksAreNoCommands() {
    for text in ["", "  \t", "# x", "  # x"] { #expect(!BatchLine(number: 1, text: text).isCommand) }
    for text in ["x", " x # y", "'#'"] { #expect(BatchLine(number: 1, text: text).isCommand) }
  }

  @Test func packsDependOnTheInputAlone() throws {
    var pack = BatchPack(most: 3, common: 10)
    let request = CreateRequest(cmd: "x")
    for number in 1...3 {
      #expect(!pack.isFull)
      pack.add(BatchLine(number: number, text: "x"), request, isDone: number == 1)
    }
    #expect(pack.isFull && pack.unsent == 2)
    #expect(pack.body(1..<2).map(\.cmd) == ["", "x", ""])
    pack.done(1)
    pack.done(2)
    #expect(pack.unsent == 0 && pack.next.number == 1)
    #expect([nil, 1, 50, 100_000].map { BatchPack.most(slots: $0) } == [200, 2, 50, 200])
  }

  @Test func aRequestHasABoundedSize() {
    let line = BatchLine(number: 1, text: "x")
    var pack = BatchPack(most: 200, common: 600 << 10)
    #expect(pack.takes(line, CreateRequest(cmd: "x")))
    pack.add(line, CreateRequest(cmd: "x"))
    #expect(!pack.takes(line, CreateRequest(cmd: "x")), "two of them are too much")
    let huge = BatchPack(most: 200, common: 2 << 20)
    #expect(huge.takes(line, CreateRequest(cmd: "x")), "one goes by itself")
  }

  @Test(arguments: CreateRequest.CodingKeys.allCases) func noMemberIsForgotten(key: CreateRequest.CodingKeys)
    throws
  {
    let values: [CreateRequest.CodingKeys: String] = [
      .args: #"["a"]"#, .env: #"{"A":"b"}"#, .cwd: #""/tmp""#, .stdin: #""in""#,
      .tty: #"{"rows":9,"columns":8}"#, .timeout: #""5s""#, .grace: #""6s""#, .labels: #"{"l":"m"}"#,
      .merge: "true", .user: #""u""#, .group: #""g""#, .priority: "3", .queue: #""q""#,
      .limits: #"{"memory":2097152}"#, .runner: #""r""#, .secretEnv: #"{"S":"t"}"#, .stdinBase64: #""aW4=""#,
      .outputLimit: "4096", .onLimit: #""kill""#, .queueSlots: "2",
    ]
    guard key != .cmd, key != .stdinOpen else { return }
    let value = try #require(values[key], "a new member: is it taken from a line?")
    let more = key == .queueSlots ? #","queue":"q""# : ""
    let text = #"{"cmd":"x","\#(key.rawValue)":\#(value)\#(more)}"#
    let request = try form().request(BatchLine(number: 1, text: text))
    let encoded = String(decoding: JSONBody.encode(request), as: UTF8.self)
    #expect(encoded.contains("\"\(key.rawValue)\":"), "\(encoded)")
  }
}

import JobAPI
import Testing

@Suite struct CreateRequestTests {
  @Test func readsTheShortestAndAFullOne() throws {
    let short = try CreateRequest(strictJSON: #"{"cmd":"true"}"#.utf8)
    #expect(short == CreateRequest(cmd: "true"))
    let full = try CreateRequest(
      strictJSON: #"""
        {"cmd":"sh","args":["-c","é\n"],"env":{"A":"1"},"cwd":"/tmp","stdin_base64":"AAEC","timeout":"30s","grace":"500ms",
         "labels":{"team/x":"y z"},"merge":true,"output_limit":0,"on_limit":"kill","user":"nobody","group":"nogroup"}
        """#.utf8)
    #expect(full.args == ["-c", "é\n"])
    #expect(full.timeout == DurationText("30s") && full.grace?.milliseconds == 500)
    #expect(full.inputBytes == [0, 1, 2])
    #expect(full.onLimit == .kill && full.outputLimit == 0 && full.labels == ["team/x": "y z"])
  }

  @Test func sizesAreTextsOrNumbers() throws {
    for memory in ["1048576", #""1MiB""#, #""1024KiB""#] {
      let request = try CreateRequest(
        strictJSON: #"{"cmd":"a","limits":{"memory":\#(memory),"cpus":2}}"#.utf8)
      #expect(request.limits == JobLimits(memory: SizeText(bytes: 1 << 20), cpus: 2))
    }
  }

  @Test(arguments: [
    (#"{"cmd":"#, "not JSON"), ("", "not JSON"), ("[]", "JSON object"), ("3", "JSON object"),
    ("{}", #""cmd" is missing"#), (#"{"cmd":""}"#, #""cmd" must be a string that is not empty"#),
    (#"{"cmd":5}"#, #""cmd" must be a string"#), (#"{"cmd":null}"#, "not null"),
    (#"{"cmd":"a\u0000b"}"#, "NUL"), (#"{"cmd":"a","args":["\u0000"]}"#, #""args" must not hold a NUL"#),
    (#"{"cmd":"a","args":["b",2]}"#, #""args" must be an array of strings; item 1 is not"#),
    (#"{"cmd":"a","args":null}"#, "not null"), (#"{"cmd":"a","args":"b"}"#, #""args" must be an array"#),
    (#"{"cmd":"a","arg":[]}"#, #"unknown member "arg""#),
    (#"{"cmd":"a","CMD":""}"#, #"unknown member "CMD""#),
    (#"{"cmd":"a","env":{"A":1}}"#, #""env" must be an object of strings; "A" is not"#),
    (#"{"cmd":"a","env":{"A=B":""}}"#, "holds '='"), (#"{"cmd":"a","env":{"":""}}"#, "empty"),
    (#"{"cmd":"a","secret_env":{"A":1}}"#, #""secret_env" must be an object of strings; "A" is not"#),
    (#"{"cmd":"a","secret_env":{"A=B":""}}"#, #""secret_env" has a name that is empty or holds '='"#),
    (#"{"cmd":"a","secret_env":{"A":"\u0000"}}"#, #""secret_env" must not hold a NUL"#),
    (
      #"{"cmd":"a","env":{"A":"1"},"secret_env":{"A":"2"}}"#,
      #""secret_env" has the name "A", which "env" has too"#
    ),
    (#"{"cmd":"a","cwd":"tmp"}"#, "absolute"), (#"{"cmd":"a","timeout":"0s"}"#, "longer than 0"),
    (#"{"cmd":"a","timeout":"5"}"#, "duration"), (#"{"cmd":"a","timeout":5}"#, "duration"),
    (#"{"cmd":"a","stdin":"x","stdin_open":true}"#, "at most one"),
    (#"{"cmd":"a","stdin_base64":"%"}"#, "base64"),
    (#"{"cmd":"a","output_limit":-1}"#, "0 or more"), (#"{"cmd":"a","output_limit":1.5}"#, "number of bytes"),
    (#"{"cmd":"a","on_limit":"stop"}"#, #""truncate" or "kill""#),
    (#"{"cmd":"a","labels":{"a b":""}}"#, "letters"),
    (#"{"cmd":"a","labels":{"a":"\n"}}"#, "control"), (#"{"cmd":"a","user":""}"#, "name of a user"),
    (#"{"cmd":"a","priority":101}"#, #""priority" must be a whole number from -100 to 100"#),
    (#"{"cmd":"a","priority":1.5}"#, "whole number from"),
    (#"{"cmd":"a","queue":""}"#, #""queue" must be a name"#), (#"{"cmd":"a","queue":"a b"}"#, "letters"),
    (#"{"cmd":"a","queue":"q","queue_slots":0}"#, #""queue_slots" must be a whole number from 1"#),
    (#"{"cmd":"a","queue_slots":1}"#, #"beside "queue""#),
    (#"{"cmd":"a","runner":""}"#, #""runner" must be a name: 1 to 128 letters"#),
    (#"{"cmd":"a","runner":"a/b"}"#, #""runner" must be a name"#),
    (#"{"cmd":"a","runner":"\#(String(repeating: "a", count: 129))"}"#, #""runner" must be a name"#),
    (#"{"cmd":"a","runner":1}"#, #""runner" must be a name"#),
    (#"{"cmd":"a","limits":{"memory":"1KiB"}}"#, #"member "memory" must be a size of 1MiB or more"#),
    (#"{"cmd":"a","limits":{"memory":-1}}"#, #""limits" must be an object"#),
    (#"{"cmd":"a","limits":{"memory":true}}"#, #""limits" must be an object"#),
    (#"{"cmd":"a","limits":{"cpus":0}}"#, #"member "cpus" must be a number from 0.01"#),
    (#"{"cmd":"a","limits":{"processes":0}}"#, #"member "processes" must be a whole number"#),
    (#"{"cmd":"a","limits":{"disk":1}}"#, #"unknown member "disk""#), (#"{"cmd":"a","limits":5}"#, "object"),
    (#"{"cmd":"a","merge":1}"#, "true or false"), (#"{"cmd":"a"} x"#, "not JSON"),
  ])
  func namesWhatIsWrong(body: String, words: String) {
    let error = #expect(throws: InvalidRequest.self) { try CreateRequest(strictJSON: body.utf8) }
    #expect(error?.description.contains(words) == true, "\(error?.description ?? "accepted")")
  }

  /// What the system's decoder takes, RFC 8259 does not.
  @Test(arguments: [
    (#"{"cmd":"a","cmd":"b"}"#, #"member "cmd" is given twice"#),
    (#"{"cmd":"a","env":{"A":"1","\u0041":"2"}}"#, #"member "A" is given twice"#),
    (#"{"cmd":"a",}"#, #"a comma is followed by "}" at byte 11"#),
    (#"{"cmd":"a","args":["b",]}"#, #"a comma is followed by "]""#),
    ("\u{feff}{\"cmd\":\"a\"}", "byte order mark"),
    (#"{"cmd":"a","output_limit":01}"#, "not JSON"), (#"{"cmd":"a","output_limit":.5}"#, "not JSON"),
    (#"{"cmd":"a","merge":True}"#, "not JSON"), ("{\"cmd\":\"a\tb\"}", "not JSON"),
    (#"{"cmd":"a","args":["# + String(repeating: "[", count: 100_000), "nested more than 16 deep"),
    (#"{"cmd":"a","args":["b""# + String(repeating: ",1", count: 40_000) + "]}", "more than 32768 values"),
  ])
  func refusesWhatADecoderWouldTake(body: String, words: String) {
    let error = #expect(throws: InvalidRequest.self) { try CreateRequest(strictJSON: body.utf8) }
    #expect(error?.description.contains(words) == true, "\(error?.description ?? "accepted")")
  }

  @Test func readsEveryFormOfJSON() throws {
    let body = " {\r\n\t\"cmd\" : \"\\\"\\u00e9\\n\" , \"args\" : [ ] , \"env\":{},\"output_limit\":1.0E+1} "
    let read = try CreateRequest(strictJSON: body.utf8)
    #expect(read.cmd == "\"é\n" && read.outputLimit == 10 && read.env == [:])
  }

  @Test func refusesOtherEncodings() {
    let text = Array(#"{"cmd":"true"}"#.utf8)
    func wide(_ before: Int, _ after: Int) -> [UInt8] {
      text.flatMap { [UInt8](repeating: 0, count: before) + [$0] + [UInt8](repeating: 0, count: after) }
    }
    for body in [wide(0, 1), wide(1, 0), [0xff, 0xfe] + wide(0, 1), wide(3, 0)] {
      let error = #expect(throws: InvalidRequest.self) { try CreateRequest(strictJSON: body) }
      #expect(error?.description.contains("not JSON (RFC 8259) in UTF-8") == true, "\(body.prefix(8))")
    }
  }

  @Test func refusesBytesThatAreNotUTF8() {
    #expect(throws: InvalidRequest.self) {
      try CreateRequest(strictJSON: Array(#"{"cmd":""#.utf8) + [0xff] + Array(#""}"#.utf8))
    }
  }

  @Test func aBatchJudgesEachJobByItself() throws {
    let batch = try BatchAttempt<CreateRequest>(
      strictJSON: #"{"jobs":[{"cmd":"a"},{"cmd":1},{"cmd":"b","x":1},7,{"cmd":"c","args":["x",null]}]}"#.utf8)
    let words = batch.jobs.map { result in
      switch result {
      case .success(let request): request.cmd
      case .failure(let error): error.description
      }
    }
    #expect(words.count == 5 && words[0] == "a")
    #expect(words[1].hasPrefix(#"member "cmd" must be a string"#))
    #expect(words[2].hasPrefix(#"unknown member "x""#))
    #expect(words[3] == "the body must be a JSON object")
    #expect(words[4].hasSuffix("item 1 is not"))
    #expect(throws: InvalidRequest.self) { try BatchAttempt<CreateRequest>(strictJSON: #"{"jobs":[]}"#.utf8) }
    #expect(throws: InvalidRequest.self) { try BatchAttempt<CreateRequest>(strictJSON: #"{}"#.utf8) }
  }

  @Test func readsSignalsByNameAndNumber() throws {
    for text in ["\"TERM\"", "\"SIGTERM\"", "\"sigterm\"", "15", "\"15\""] {
      let request = try SignalRequest(strictJSON: "{\"signal\":\(text)}".utf8)
      #expect(request.signal.number == 15 && request.signal.description == "TERM")
    }
    for text in ["0", "65", "-1", "\"\"", "\"SIG\"", "\"NOPE\"", "1.5", "true", "[]"] {
      let error = #expect(throws: InvalidRequest.self) {
        try SignalRequest(strictJSON: "{\"signal\":\(text)}".utf8)
      }
      #expect(error?.description.contains(SignalName.allowed) == true)
    }
    #expect(throws: InvalidRequest.self) { try StopRequest(strictJSON: #"{"grace":-1}"#.utf8) }
  }

  @Test func readsWhichJobsAreStopped() throws {
    #expect(try StopRequest(strictJSON: "{}".utf8) == StopRequest())
    #expect(
      try StopRequest(strictJSON: #"{"queued":true,"grace":"2s"}"#.utf8)
        == StopRequest(grace: DurationText("2s"), queued: true))
    let error = #expect(throws: InvalidRequest.self) { try StopRequest(strictJSON: #"{"queued":1}"#.utf8) }
    #expect(error?.description == "member \"queued\" must be true or false")
  }
}

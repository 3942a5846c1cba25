import Harness
import JobAPI
import Testing

/// The reader of bodies against a scan and the system's decoder: the same requests, and the same words for the same fault.
struct BodyReaderTests {
  /// Nil: another request, or none.
  private enum Outcome: Equatable {
    case request(CreateRequest)
    case fault(String)

    init(_ read: () throws -> CreateRequest) {
      do { self = .request(try read()) } catch { self = .fault("\(error)") }
    }

    /// Which of several faults is told may differ: what is no JSON is told where it is met, and of what the decoder keeps
    /// in a dictionary it meets any first.
    var kind: String {
      guard case .fault(let text) = self else { return "\(self)" }
      for kind in ["the body is not JSON", "the body is nested", "the body holds"] where text.hasPrefix(kind)
      {
        return "no JSON"
      }
      if text.hasSuffix(" is given twice") { return "no JSON" }
      if text.hasPrefix("unknown member") || text.hasSuffix(", not null") { return "name or null" }
      for member in ["env", "secret_env", "labels"] where text.hasPrefix("member \"\(member)\"") {
        return member
      }
      for member in ["limits", "tty"] where text.hasPrefix("member \"\(member)\" is not right: ") {
        return member
      }
      return text
    }
  }

  /// `oneFault`: there is at most one, so that the words are the same, but of names and nulls.
  private func compare(_ body: [UInt8], oneFault: Bool = false) {
    let (read, decoded) = (
      Outcome { try CreateRequest(strictJSON: body) }, Outcome { try DecodedRequest.read(body) }
    )
    if read == decoded { return }
    let malformed = Outcome.fault("the body is not JSON (RFC 8259)")
    // The decoder does not look at the escapes of what it does not need.
    if case .fault = decoded, read == malformed { return }
    // It takes numbers such as 0e3 for malformed, and a fraction in place of an integer.
    if !oneFault, decoded == malformed { return }
    // An object that is another member's has several names that are unknown here.
    let mayDiffer = !oneFault || ["name or null", "env", "secret_env", "labels", "tty"].contains(read.kind)
    #expect(
      mayDiffer && read.kind == decoded.kind,
      "\(String(decoding: body, as: UTF8.self)): \(read), not \(decoded)")
  }

  /// Values of each type, right and wrong, for any member.
  private static let values = [
    "null", "true", "false", "0", "-0", "1", "-1", "100", "101", "1.0", "1e2", "1E+2", "10e-1", "1.5",
    "-1.5e0", "0.01",
    "4096", "4097", "4194305", "1048576", "1.048576e6", "9007199254740991", "1e15", "01", "-", "1.", ".5",
    "1e", "+1",
    "NaN", "nul", "tru", "truex", #""""#, #""a""#, #""/tmp""#, #""1MiB""#, #""30s""#, #""0s""#, #""-1s""#,
    #""truncate""#, #""kill""#, #""AAEC""#, #""a=b""#, #""a b""#, #""é""#, #""\u00e9""#, #""\ud83d\ude00""#,
    #""\uD83D\uDE00 \" \\ \/ \b\f\n\r\t""#, #""\ud83d""#, #""\ud83dx""#, #""\ud83d\n""#, #""\ude00""#,
    #""\ud83d\ud83d""#,
    #""\u00g0""#, #""\u００00""#, #""\x""#, #""\""#, #"""#, "\"a\tb\"", "\"\u{7f}\"", #""\u0000""#,
    #""\u0041""#, "[]", "{}", "[",
    "{", "]", "}", "", ",", ":", #"["a","b"]"#, #"["a",1]"#, #"["a",null,[]]"#, #"["a",]"#, #"["a" "b"]"#,
    #"[["a"]]"#,
    #"["\u0000"]"#, #"["a",{"b":1}]"#, #"{"a":"b"}"#, #"{"a":1}"#, #"{"a":null}"#, #"{"a":[]}"#, #"{"":""}"#,
    #"{"A=":""}"#,
    #"{"a":"b","a":"c"}"#, #"{"a":"b","\u0061":"c"}"#, #"{"é":"1","e\u0301":"2"}"#, #"{"a" "b"}"#,
    #"{"a":"b",}"#,
    #"{"a"}"#, #"{a:1}"#, #"{"a b":"c"}"#, #"{"a":"\n"}"#, #"{"memory":"1MiB"}"#,
    #"{"memory":1048576,"cpus":0.5}"#,
    #"{"memory":1.048576e6}"#, #"{"memory":true}"#, #"{"memory":null}"#, #"{"memory":"x"}"#, #"{"cpus":"1"}"#,
    #"{"cpus":1e3,"processes":1e3}"#, #"{"cpus":0}"#, #"{"processes":0}"#, #"{"processes":"1"}"#,
    #"{"disk":1}"#,
    #"{"memory":1,"memory":2}"#, " 1 ", "\n[ ]\r\t", "\u{feff}1", "\u{0}", "/**/1", "'a'",
    String(repeating: "[", count: 14) + String(repeating: "]", count: 14),
    String(repeating: "[", count: 15) + String(repeating: "]", count: 15),
    String(repeating: #"{"a":"#, count: 15) + "1" + String(repeating: "}", count: 15),
  ]

  @Test func eachValueOfEachMemberIsJudgedAlike() {
    for name in CreateRequest.members.names + ["x", "CMD", #"\u0063md"#, #"cm\u0064"#, #"\q"#, #"\ud800"#] {
      for value in Self.values {
        let first = name == "cmd" ? "" : #""cmd":"true","#
        compare(Array("{\(first)\"\(name)\":\(value)}".utf8), oneFault: true)
      }
    }
  }

  @Test func eachValueIsJudgedAlikeAsABody() {
    for value in Self.values { compare(Array(value.utf8), oneFault: true) }
    for tail in Self.values { compare(Array((#"{"cmd":"a"}"# + tail).utf8), oneFault: true) }
  }

  private static let whole = #"""
    {"cmd":"sh","args":["-c","é\n\ud83d\ude00"],"env":{"A":"1","B":"\u0032"},"cwd":"/tmp","stdin_base64":"AAEC",
     "timeout":"30s","grace":"500ms","labels":{"team/x":"y z"},"merge":true,"output_limit":1e3,"on_limit":"kill",
     "user":"nobody","group":"nogroup","priority":-7,"queue":"q","queue_slots":2,"runner":"cluster-1.a_b",
     "limits":{"memory":"64MiB","cpus":0.5,"processes":10}}
    """#

  @Test func eachBodyThatIsCutShortIsJudgedAlike() {
    let body = Array(Self.whole.utf8)
    for length in 0...body.count { compare(Array(body[..<length])) }
  }

  /// Bytes changed, dropped, put in, and pieces of other bodies put in their place.
  @Test(arguments: 0..<8) func mutatedBodiesAreJudgedAlike(seed: UInt64) {
    var random = SplitMix(seed: seed)
    let marks =
      Array(#"{}[]":,\"ntfu0123456789eE+-. a/"#.utf8) + [0, 9, 10, 0x1f, 0x7f, 0x80, 0xc3, 0xa9, 0xed, 0xff]
    for _ in 0..<3000 {
      var body = Array(Self.whole.utf8)
      for _ in 0...Int.random(in: 0..<3, using: &random) {
        let place = Int.random(in: 0..<body.count, using: &random)
        let end = min(body.count, place + Int.random(in: 0..<4, using: &random))
        switch Int.random(in: 0..<4, using: &random) {
        case 0: body[place] = marks.randomElement(using: &random)!
        case 1: body.removeSubrange(place..<end)
        case 2: body.insert(marks.randomElement(using: &random)!, at: place)
        default: body.replaceSubrange(place..<end, with: Self.values.randomElement(using: &random)!.utf8)
        }
        if body.isEmpty { break }
      }
      compare(body)
    }
  }

  /// Bodies of right and wrong members in any order.
  @Test(arguments: 0..<8) func composedBodiesAreJudgedAlike(seed: UInt64) {
    var random = SplitMix(seed: seed + 100)
    let names = CreateRequest.members.names + ["x"]
    for _ in 0..<2000 {
      let members = (0..<Int.random(in: 0..<6, using: &random)).map { _ in
        "\"\(names.randomElement(using: &random)!)\":\(Self.values.randomElement(using: &random)!)"
      }
      compare(Array("{\(([#""cmd":"a""#] + members).shuffled(using: &random).joined(separator: ","))}".utf8))
    }
  }

  @Test func aNumberOutOfRangeIsItsMembersFault() throws {
    for (member, value, words) in [
      ("output_limit", "1e999", "a number of bytes"), ("priority", "-1e999", "a whole number"),
      ("limits", #"{"cpus":1e999}"#, #""cpus" is not"#),
      ("limits", #"{"processes":1.5}"#, #""processes" is not"#),
    ] {
      let body = #"{"cmd":"a","\#(member)":\#(value)}"#
      let error = #expect(throws: InvalidRequest.self) { try CreateRequest(strictJSON: body.utf8) }
      #expect(error?.description.hasPrefix("member \"\(member)\" must be ") == true)
      #expect(error?.description.contains(words) == true, "\(error?.description ?? "accepted")")
    }
    #expect(
      try CreateRequest(strictJSON: #"{"cmd":"a","output_limit":9223372036854775807}"#.utf8).outputLimit
        == .max)
  }
}

extension StrictBody {
  init(strictJSON body: some Sequence<UInt8>) throws(InvalidRequest) {
    let result = Array(body).withUnsafeBytes { bytes in
      Result { () throws(InvalidRequest) in try Self(strictJSON: bytes) }
    }
    self = try result.get()
  }
}

import JobAPI
import Testing

/// https://www.w3.org/TR/trace-context/, section 3.2.
@Suite struct TraceparentTests {
  private static let (trace, parent) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")

  @Test(arguments: ["00", "01", "ff", "a3"]) func whatIsValidIsTakenAsItIs(flags: String) {
    let text = "00-\(Self.trace)-\(Self.parent)-\(flags)"
    #expect(Traceparent(text)?.text == text)
  }

  @Test(
    arguments: [
      "", "00", "00-\(trace)-\(parent)", "00-\(trace)-\(parent)-0", "00-\(trace)-\(parent)-01-",
      "00-\(trace)-\(parent)-01-more", "00-\(trace)-\(parent)-0g", "00-\(trace)-\(parent)-0A",
      "00-\(trace.uppercased())-\(parent)-01", "00-\(String(repeating: "0", count: 32))-\(parent)-01",
      "00-\(trace)-0000000000000000-01", "ff-\(trace)-\(parent)-01", "0-0\(trace)-\(parent)-01",
      "00-\(trace)-\(parent)-01 ", " 00-\(trace)-\(parent)-01", "00_\(trace)_\(parent)_01",
      "cc-\(trace)-\(parent)-01.what", "cc-\(trace)-\(parent)-0", "00-\(trace)-\(parent)-0\u{301}1",
    ])
  func whatIsNotValidIsNone(text: String) {
    #expect(Traceparent(text) == nil)
  }

  @Test func ofALaterVersionItIsWhatThisOneKnows() {
    let known = "00-\(Self.trace)-\(Self.parent)-01"
    #expect(Traceparent("01-\(Self.trace)-\(Self.parent)-01")?.text == known)
    #expect(Traceparent("cc-\(Self.trace)-\(Self.parent)-ff-what-ever comes")?.text == known)
    #expect(Traceparent("fe-\(Self.trace)-\(Self.parent)-02-")?.text == known.dropLast() + "0")
  }
}

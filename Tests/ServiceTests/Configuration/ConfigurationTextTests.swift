import Testing

@testable import JobModel

@Suite struct ConfigurationTextTests {
  private func added(_ text: String) -> String? {
    ConfigurationText.adding([ConfigurationText.listen("[::1]:1")], to: Array(text.utf8)).map {
      String(decoding: $0, as: UTF8.self)
    }
  }

  @Test func listenIsTheFirstMemberAndAllElseStays() {
    let line = "\n  listen: \"[::1]:1\","
    for (text, place) in [
      ("{\n  // all\n}\n", "{"), ("// {\n/* { */ {\n grace: '1s' }", "*/ {"), ("/**/{\n}", "{"),
      ("// {", ""), ("/* {", ""), ("", ""),
    ] {
      let expected = place.isEmpty ? nil : text.replacing(place, with: place + line)
      #expect(added(text) == expected, "\(text)")
    }
    #expect(added("{}") == "{\(line)\n}")
    #expect(added("{ grace: '1s' }") == "{\(line)\n grace: '1s' }")
  }
}

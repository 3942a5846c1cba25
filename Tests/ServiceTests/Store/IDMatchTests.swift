import JobAPI
import Testing

@testable import JobStore

@Suite struct IDMatchTests {
  private let id = JobID("019b76da-8001-7abc-8def-0123456789ab")!

  @Test func agreesWithTheText() throws {
    let text = id.description
    for length in 0...36 {
      #expect(try #require(IDMatch(String(text.prefix(length)))).matches(id))
      #expect(try #require(IDMatch(String(text.suffix(length)))).matches(id))
    }
    for other in [
      "1", "019b76db", "019b76da-8001-7abc-8def-0123456789aa", "9ab0", "119b76da80017abc8def0123456789ab",
    ] {
      #expect(try !#require(IDMatch(other)).matches(id), "\(other)")
    }
    #expect(try #require(IDMatch("019B76DA80017ABC8DEF0123456789AB")).matches(id))
  }

  @Test(arguments: ["z", "019b76dg", "+1", " 9ab", "019b76da-8001-7abc-8def-0123456789ab0"])
  func whatIsNoPartOfAnIDMatchesNone(text: String) {
    #expect(IDMatch(text) == nil)
  }
}

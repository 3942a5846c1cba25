import JobAPI
import Testing

@Suite struct RouteTests {
  let id = JobID(microseconds: 1_700_000_000_123_456, random: 0x1234_5678_9abc_def0)

  @Test(arguments: Route.allCases) func eachTargetMatchesItsRoute(route: Route) {
    let path = route.namesJob ? route.target(id) : route.target()
    #expect(RouteMatch(method: route.method, path: path) == .route(route, id: route.namesJob ? id : nil))
  }

  @Test func aHeadRequestIsAGetRequest() {
    #expect(RouteMatch(method: "HEAD", path: "/jobs/\(id)/status") == .route(.status, id: id))
    #expect(RouteMatch(method: "HEAD", path: "/jobs:batch") == .otherMethod(allow: "POST"))
  }

  @Test func tellsMethodsThatAreAllowed() {
    #expect(RouteMatch(method: "POST", path: "/jobs") == .otherMethod(allow: "PUT, GET, HEAD"))
    #expect(
      RouteMatch(method: "PUT", path: "/jobs/\(id)") == .otherMethod(allow: "DELETE, GET, HEAD"))
    #expect(RouteMatch(method: "get", path: "/jobs") == .otherMethod(allow: "PUT, GET, HEAD"))
  }

  @Test(arguments: [
    "", "/job", "/page", "/page/", "/page/a/b", "//", "/jobs/", "/jobs//status", "/jobs/x/y",
    "/jobs/x/status/", "/jobs/a/b/status",
  ])
  func otherPathsAreUnknown(path: String) {
    #expect(RouteMatch(method: "GET", path: path) == .unknown)
  }

  @Test func whatIsNoIDIsAJobThatDoesNotExist() {
    #expect(RouteMatch(method: "GET", path: "/jobs/x/status") == .unknownJob(.status))
    #expect(RouteMatch(method: "GET", path: "/jobs/\(id)0") == .unknownJob(.detail))
    #expect(RouteMatch(method: "PATCH", path: "/jobs/x/status") == .otherMethod(allow: "GET, HEAD"))
  }

  @Test func everyByteOfAnIDIsLookedAt() throws {
    let text = Array("01a22480-5172-7d06-9402-A7566EB50971".utf8)
    let id = try #require(text.withUnsafeBytes { JobID(bytes: $0) })
    #expect(id == JobID(high: 0x01a2_2480_5172_7d06, low: 0x9402_a756_6eb5_0971))
    for (place, byte) in text.indices.flatMap({ place in (0...255).map { (place, UInt8($0)) } }) {
      var changed = text
      changed[place] = byte
      let digit = Character(Unicode.Scalar(byte))
      let isRight = text[place] == UInt8(ascii: "-") ? digit == "-" : digit.isASCII && digit.isHexDigit
      let parsed = changed.withUnsafeBytes { JobID(bytes: $0) }
      #expect((parsed != nil) == isRight, "byte \(byte) at \(place)")
      if let parsed {
        #expect(parsed.description == String(decoding: changed, as: UTF8.self).lowercased())
      }
    }
  }

  @Test func queriesGoThereAndBack() {
    let query: Query = ["label": "a=b&c", "none": nil, "text": "é +%"]
    #expect(query.description == "?label=a%3Db%26c&text=%C3%A9%20%2B%25")
    #expect(Query(parsing: query.description.dropFirst()) == query)
    #expect(Query(parsing: "a=1&a=2&b")?.all("a") == ["1", "2"])
    #expect(Query(parsing: "a=1&b")?["b"] == "")
    for bad in ["a=%", "a=%4", "a=%zz", "a=%ff"] { #expect(Query(parsing: bad) == nil) }
  }

  @Test func framesGoThereAndBack() {
    var bytes = [UInt8](repeating: 0xaa, count: LogFrame.headerSize)
    let frame = LogFrame(kind: .stderr, length: 0x010203, offset: 0x0102_0304_0506_0708, time: 0x11)
    bytes.withUnsafeMutableBytes { frame.write(to: $0) }
    #expect(bytes == [2, 0, 0, 0, 3, 2, 1, 0, 8, 7, 6, 5, 4, 3, 2, 1, 0x11, 0, 0, 0, 0, 0, 0, 0])
    #expect(bytes.withUnsafeBytes { LogFrame(header: $0) } == frame)
    for wrong in [[0], [4], [1, 1], [1, 0, 0, 0, 0, 0, 0, 2]] as [[UInt8]] {
      let padded = wrong + [UInt8](repeating: 0, count: LogFrame.headerSize - wrong.count)
      #expect(padded.withUnsafeBytes { LogFrame(header: $0) } == nil)
    }
  }
}

extension RouteMatch {
  fileprivate init(method: String, path: String) {
    self = Array(method.utf8).withUnsafeBytes { method in
      Array(path.utf8).withUnsafeBytes { RouteMatch(method: method, path: $0) }
    }
  }
}

import Testing

@testable import JobModel

@Suite struct ManualTests {
  @Test func explainsEachOption() {
    let (daemon, file) = (Manual.daemon.page, Manual.configuration.page)
    for option in ConfigurationOption.all {
      #expect(daemon.contains(".It Fl \\-\(option.name) Ar"))
      #expect(file.contains(".It Cm \(option.key)\n"))
    }
  }

  @Test func textCannotBecomeARequest() {
    #expect(Manual.plain(".Sh X") == "\\&.Sh X")
    #expect(Manual.plain("'br") == "\\&'br")
    #expect(Manual.plain("a\\b") == "a\\eb")
    #expect(Manual.argument("a \"b\"") == "\"a \\(dqb\\(dq\"")
  }

  @Test(arguments: Manual.allCases) func isCleanMdoc(manual: Manual) throws {
    let scratch = try ScratchDirectory()
    let path = "\(scratch.path)/\(manual.rawValue)"
    try write(manual.page, to: path)
    let lint = try run(["mandoc", "-Tlint", path], in: scratch).split(separator: "\n")
    // The pages refer to each other and are not installed here.
    let faults = lint.filter { !$0.contains("referenced manual not found") }
    #expect(faults.isEmpty, "\(faults)")
    #expect(try run(["mandoc", "-Tmarkdown", path], in: scratch).contains("DESCRIPTION"))
  }
}

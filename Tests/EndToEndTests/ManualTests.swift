import Harness
import Testing

/// The manual pages that are kept in the repository are those that the programs hold: `make man` writes them.
@Suite struct ManualTests {
  @Test(arguments: [
    (Programs.jobctl, ["manual"], "jobctl.1"), (Programs.jobd, ["manual", "jobd.8"], "jobd.8"),
    (Programs.jobd, ["manual", "jobd.json5.5"], "jobd.json5.5"),
  ])
  func pagesAreUpToDate(program: String, arguments: [String], page: String) throws {
    let scratch = try Scratch()
    defer { scratch.remove() }
    let made = try Running(program, arguments, directory: scratch).wait()
    #expect(made.status == 0, "\(made.errorText)")
    let isSame = made.text == Files.text("\(Files.repository)/docs/man/\(page)")
    #expect(isSame, "docs/man/\(page) is older than the program: run make man")
  }
}

import Harness
import Testing

/// What docs/runners.md has to be copied.
@Suite struct RecipeTests {
  @Test func eachIsAValidRunner() throws {
    let recipes = try RunnerScope.recipes()
    #expect(recipes.count == 3)
    let scratch = try Scratch()
    defer { scratch.remove() }
    let file = "\(scratch.path)/jobd.json5"
    try Files.write(Array("{ runners: { \(recipes.joined()) } }".utf8), to: file)
    let checked = try Running(
      Programs.jobd, ["check-config", "--config", file] + Pki.shared.get().serverOptions, directory: scratch
    ).wait()
    #expect(checked.status == 0, "\(checked.errorText)")
    for name in ["sandbox", "cluster", "container"] { #expect(checked.text.contains("\"\(name)\": {")) }
  }
}

import Platform
import Testing

@Suite struct ArgumentReaderTests {
  /// The options, with their values when they are in `valued`, and other words.
  private func read(_ line: String..., valued: Set<String> = []) -> [String] {
    var reader = ArgumentReader(line)
    var found: [String] = []
    while let argument = reader.next() {
      switch argument {
      case .option(let name) where valued.contains(name):
        found.append("\(name)=\(reader.value() ?? "nothing")")
      case .option(let name): found.append(reader.hasAttachedValue ? "\(name)=" : name)
      case .word("--"): found += ["--"] + reader.remaining()
      case .word(let word): found.append(word)
      }
    }
    return found
  }

  @Test func eachSpellingIsRead() {
    #expect(read("--name", "v", "w", valued: ["--name"]) == ["--name=v", "w"])
    #expect(read("--name=v=w", "--name=", valued: ["--name"]) == ["--name=v=w", "--name="])
    #expect(read("-fto", "v", "-ov", "-o=v", valued: ["-o"]) == ["-f", "-t", "-o=v", "-o=v", "-o==v"])
    #expect(read("-", "--", "-x", "--name") == ["-", "--", "-x", "--name"])
    #expect(read("--flag=v", "--=v") == ["--flag=", "--="])
    #expect(read("--name", valued: ["--name"]) == ["--name=nothing"])
    #expect(read("-o", "-f", valued: ["-o"]) == ["-o=-f"], "what needs a value takes the next word")
  }
}

@Suite struct NearNameTests {
  @Test(arguments: [
    ("grace", "grace"), ("graze", "grace"), ("gracee", "grace"), ("rgace", "grace"), ("gcae", "grace"),
    ("xyzzy", nil), ("", nil),
  ])
  func aNameIsNearWhenFewLettersDiffer(name: String, near: String?) {
    #expect(NearName.find(name, among: ["listen", "grace"], most: 2) == near)
  }
}

@Suite struct UnitsTests {
  @Test(
    arguments: [
      ("500ms", 500), ("30s", 30_000), ("5m", 300_000), ("2h", 7_200_000), ("3650d", 3650 * 86_400_000),
    ] as [(String, Int64)])
  func timesAreReadAndWritten(text: String, milliseconds: Int64) {
    #expect(Units.time.parse(text) == milliseconds && Units.time.print(milliseconds) == text)
  }

  @Test(arguments: ["", "s", "30", "-1s", "+1s", "1.5s", "1 s", "1\u{301}s", "3651d", "9223372036854775807d"])
  func anythingElseIsNone(text: String) { #expect(Units.time.parse(text) == nil) }
}

@Suite struct ClockTests {
  @Test func aDeadlineIsOverWhenItsTimeHasPassed() {
    let time = TestClock()
    let deadline = Deadline(after: 1500, time.clock)
    #expect(deadline.left == 1500)
    time.pass(milliseconds: 1499)
    #expect(deadline.left == 1)
    time.pass(milliseconds: 1)
    #expect(deadline.left == 0)
    time.pass(milliseconds: 1)
    #expect(deadline.left == 0)
  }

  @Test func theSystemsGoOn() {
    let before = (Clock.system.now(), Clock.system.monotonic())
    Clock.system.sleep(1000)
    #expect(Clock.microseconds() >= before.0 + 1000 && Clock.monotonic() >= before.1 + 1000)
  }
}

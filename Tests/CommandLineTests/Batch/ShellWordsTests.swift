import FoundationEssentials
import Glibc
import Testing

@testable import jobctl

@Suite struct ShellWordsTests {
  @Test(
    arguments: [
      ("echo hi", ["echo", "hi"]), (" \t a\t b  ", ["a", "b"]), ("", []), ("# all of it", []),
      ("a # b", ["a"]), ("a#b '#c' \\#d", ["a#b", "#c", "#d"]), ("'' \"\"", ["", ""]),
      ("'a b'\"c d\"e\\ f", ["a bc de f"]), (#"'\' "\"" "\a" "\$\`\\""#, ["\\", "\"", #"\a"#, #"$`\"#]),
      ("a'b", nil), ("\"a", nil), ("\"a\\\"", nil), ("a\\", nil), ("a | b", nil), ("a>b", nil), ("a;", nil),
      ("a 'x;|&' \\> \"(\"", ["a", "x;|&", ">", "("]), ("ü $HOME * ~", ["ü", "$HOME", "*", "~"]),
      ("a\rb", ["a\rb"]),
    ] as [(String, [String]?)])
  func wordsAreSplit(line: String, words: [String]?) throws {
    #expect((try? ShellWords.split(line)) == words)
  }

  @Test(arguments: [
    ("x 'y", "a ' is not closed"), ("x \"y", "a \" is not closed"),
    ("x\\", "it ends in a backslash, but a command is one line"),
    ("x & y", "\"&\" is for a shell: quote it, or give --shell"),
  ])
  func aFaultSaysWhatIsWrong(line: String, words: String) {
    #expect(throws: ShellWords.Fault(text: words)) { try ShellWords.split(line) }
  }

  /// What a shell splits, without what it would expand: a line that one of them refuses, the other does too.
  @Test func shellsSplitTheSame() throws {
    var random = SystemRandomNumberGenerator()
    let alphabet = Array("ab #'\"\\\t\u{e9}")
    let lines = (0..<2000).map { _ in
      String((0..<Int.random(in: 0...12, using: &random)).map { _ in alphabet.randomElement()! })
    }
    for (line, theirs) in zip(lines, try shell(lines)) {
      let ours = (try? ShellWords.split(line)).map { $0.map { "<\($0)>" }.joined() }
      // A backslash at the end of the input stays there: a line that goes on would lose it.
      if ours == nil, theirs != nil, line.hasSuffix("\\") { continue }
      #expect(ours == theirs, "\(line)")
    }
  }

  /// The words of each line in brackets; nil: a syntax error. One shell for all.
  private func shell(_ lines: [String]) throws -> [String?] {
    let base = "/tmp/jobctl-words-\(UInt64.random(in: 0 ... .max))"
    defer { for name in [base, base + ".out"] { unlink(name) } }
    let tests = lines.map { line in
      let quoted = line.replacing("'", with: "'\\''")
      return """
        (eval 'set -- '\(line.isEmpty ? "" : "'\(quoted)'"); for w; do printf '<%s>' "$w"; done; printf '\\036') 2>/dev/null || printf 'E\\036'
        """
    }
    try Data(tests.joined(separator: "\n").utf8).write(to: URL(filePath: base))
    let status = try run(["sh", "-c", "sh \(base) >\(base).out"])
    #expect(status == 0)
    let text = String(decoding: try Data(contentsOf: URL(filePath: base + ".out")), as: UTF8.self)
    let parts = text.split(separator: "\u{1e}", omittingEmptySubsequences: false).dropLast().map(String.init)
    try #require(parts.count == lines.count)
    return parts.map { $0 == "E" ? nil : $0 }
  }

  private func run(_ words: [String]) throws -> Int32 {
    var pid: pid_t = 0
    let arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    try #require(posix_spawnp(&pid, words[0], nil, nil, arguments, environ) == 0)
    var status: Int32 = 0
    waitpid(pid, &status, 0)
    return status
  }
}

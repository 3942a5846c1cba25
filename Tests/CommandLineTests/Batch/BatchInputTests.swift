import FoundationEssentials
import Glibc
import JobAPI
import Testing

@testable import jobctl

@Suite struct BatchInputTests {
  private func withFile(_ bytes: [UInt8], _ body: (BatchInput) throws -> Void) throws {
    let path = "/tmp/jobctl-lines-\(UInt64.random(in: 0 ... .max))"
    defer { unlink(path) }
    try Data(bytes).write(to: URL(filePath: path))
    try body(try BatchInput(path))
  }

  private func all(_ input: BatchInput) throws -> [BatchLine] {
    var lines: [BatchLine] = []
    while case .line(let line) = try input.next(within: 0) { lines.append(line) }
    #expect(try input.next(within: 0) == .end)
    return lines
  }

  @Test func linesKeepTheirPlaces() throws {
    try withFile(Array("a\n\n# b\n  c d\nlast".utf8)) { input in
      let lines = [(1, "a"), (4, "  c d"), (5, "last")].map { BatchLine(number: $0, text: $1) }
      #expect(try all(input) == lines)
      #expect(input.canBeRepeated)
      try input.rewind()
      #expect(try all(input) == lines)
    }
    try withFile([]) { input in
      let none = try all(input)
      #expect(none.isEmpty)
    }
  }

  @Test func aLineMayEndAsElsewhere() throws {
    try withFile(Array("a b\r\n\r\n# c\r\nx\ry\r\nlast\r".utf8)) { input in
      let texts = try all(input).map(\.text)
      #expect(texts == ["a b", "x\ry", "last"])
    }
  }

  @Test func aByteOrderMarkBeginsNoCommand() throws {
    let mark: [UInt8] = [0xef, 0xbb, 0xbf]
    for (rest, texts) in [
      ("a\n", ["a"]), ("# x\na", ["a"]), ("\r\na\r\n", ["a"]), ("a\n\u{feff}b", ["a", "\u{feff}b"]), ("", []),
    ] {
      try withFile(mark + Array(rest.utf8)) { input in
        for _ in 0..<2 {
          let found = try all(input).map(\.text)
          #expect(found == texts)
          try input.rewind()
        }
      }
    }
  }

  @Test func allWrongLinesAreTold() throws {
    let form = BatchForm(CreateRequest(cmd: "sh"), key: "k", usesShell: false, slots: nil)
    func told(_ lines: [String]) throws -> [Substring] {
      var told = ""
      try withFile(Array(lines.joined(separator: "\n").utf8)) { input in
        let lines = try BatchLines(input, form)
        told = lines.faults(of: "f") ?? ""
        let next = try input.next(within: 0)
        #expect(next != .pause && next != .end, "it is read again")
      }
      return told.split(separator: "\n")
    }
    #expect(try told(["true", "# x"]).isEmpty)
    #expect(try told(["true", "'x"]) == ["f: line 2: a ' is not closed"])
    #expect(
      try told(["a;", "true", "{\"cmd\":"]) == [
        "f: 2 lines are wrong:", "  line 1: \";\" is for a shell: quote it, or give --shell",
        "  line 3: the line is not JSON (RFC 8259) in UTF-8: it ends too early",
      ])
    let many = try told(Array(repeating: "'x", count: 50))
    #expect(many.count == 21 && many[0] == "f: the first 20 lines that are wrong:")
  }

  @Test func manyLinesComeInTheirOrder() throws {
    let text = (1...50_000).map { "echo \($0) \(String(repeating: "x", count: $0 % 97))\n" }.joined()
    try withFile(Array(text.utf8)) { input in
      let lines = try all(input)
      #expect(lines.map(\.number) == Array(1...50_000))
      #expect(lines[40_000].text == "echo 40001 \(String(repeating: "x", count: 40_001 % 97))")
    }
  }

  @Test func whatIsNoLineIsNamed() throws {
    try withFile(Array("a\n\u{fffd}\n".utf8) + [0xff, 0x0a]) { input in
      _ = try input.next(within: 0)
      _ = try input.next(within: 0)
      #expect(throws: BatchFault(line: 3, text: "it is not UTF-8")) { try input.next(within: 0) }
    }
    try withFile([UInt8](repeating: 0x78, count: (8 << 20) + 70_000)) { input in
      #expect(throws: BatchFault(line: 1, text: "it is longer than 8.0 MiB")) { try input.next(within: 0) }
    }
  }

  @Test func aPipeIsReadAsItFills() throws {
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0)
    defer { close(ends[0]) }
    let input = try BatchInput("/dev/fd/\(ends[0])")
    #expect(!input.canBeRepeated)
    #expect(try input.next(within: 0) == .pause)
    _ = write(ends[1], "one\ntw", 6)
    #expect(try input.next(within: 0) == .line(BatchLine(number: 1, text: "one")))
    #expect(try input.next(within: 0) == .pause)
    _ = write(ends[1], "o", 1)
    close(ends[1])
    #expect(try input.next(within: 0) == .line(BatchLine(number: 2, text: "two")))
    #expect(try input.next(within: 0) == .end)
  }
}

import CJobWire
import Glibc
import Testing

/// The parts of the codec that requests and replies share.
struct FieldTests {
  private struct Parsed: Equatable {
    var taken = 0
    var fields: [[String]] = []
    var why: String?
  }

  private func text(_ slice: jw_slice) -> String {
    String(decoding: UnsafeRawBufferPointer(start: slice.bytes, count: slice.length), as: UTF8.self)
  }

  private func parse(_ bytes: String, capacity: Int = 8) -> Parsed {
    var fields = [jw_field](repeating: jw_field(), count: capacity)
    var count = 0
    var why: UnsafePointer<CChar>?
    return withStrings([bytes]) { strings in
      let taken = jw_fields_parse(strings[0]!, bytes.utf8.count, &fields, capacity, &count, &why)
      return Parsed(
        taken: taken, fields: fields[..<count].map { [text($0.name), text($0.value)] },
        why: why.map { String(cString: $0) })
    }
  }

  @Test func fields() {
    let lines = "A: b\r\nc:d\r\nEmpty:\r\nSpaces: \t x \t y\t \r\nObs: \u{e9}\r\n"
    #expect(
      parse(lines + "\r\nrest")
        == Parsed(
          taken: lines.utf8.count + 2,
          fields: [["A", "b"], ["c", "d"], ["Empty", ""], ["Spaces", "x \t y"], ["Obs", "\u{e9}"]]))
    #expect(parse("\r\n") == Parsed(taken: 2))
  }

  @Test func incomplete() {
    let whole = "Name: value\r\nX: y\r\n\r\n"
    for length in 0..<whole.count { #expect(parse(String(whole.prefix(length))) == Parsed()) }
  }

  @Test(arguments: [
    (" A: b\r\n\r\n", "folded header line"), ("A: b\r\n c\r\n\r\n", "folded header line"),
    ("A : b\r\n\r\n", "white space before the colon of a header"),
    ("A\t: b\r\n\r\n", "white space before the colon of a header"),
    (": b\r\n\r\n", "empty header name"), ("A\r\n\r\n", "header line without a colon"),
    ("A(: b\r\n\r\n", "invalid character in a header name"),
    ("Ä: b\r\n\r\n", "invalid character in a header name"),
    ("A: b\n\r\n", "bare LF in the header"), ("\n", "bare LF in the header"),
    ("A\n", "bare LF in the header"),
    ("A: b\rc\r\n\r\n", "bare CR in the header"), ("A: b\r\n\rX", "bare CR in the header"),
    ("A: b\u{1}\r\n\r\n", "control character in a header value"),
    ("A: b\u{7f}\r\n\r\n", "control character in a header value"),
  ])
  func refused(bytes: String, why: String) {
    #expect(parse(bytes) == Parsed(taken: -Int(EBADMSG), why: why))
  }

  @Test func nul() {
    var fields = [jw_field](repeating: jw_field(), count: 1)
    var count = 0
    var why: UnsafePointer<CChar>?
    let bytes = "A: b\u{0}c\r\n\r\n".utf8.map { CChar($0) }
    #expect(jw_fields_parse(bytes, bytes.count, &fields, 1, &count, &why) == -Int(EBADMSG))
    #expect(why.map { String(cString: $0) } == "NUL in a header value")
  }

  @Test func tooMany() {
    let lines = String(repeating: "A: b\r\n", count: 3) + "\r\n"
    #expect(parse(lines, capacity: 3).taken == lines.utf8.count)
    #expect(parse(lines, capacity: 2) == Parsed(taken: -Int(E2BIG), why: "too many header fields"))
  }

  @Test(
    arguments: [
      ("0", 0), ("42", 42), ("007", 7), ("4611686018427387904", 1 << 62), ("4611686018427387905", nil),
      ("", nil),
      ("-1", nil), ("+1", nil), (" 1", nil), ("1 ", nil), ("1,1", nil), ("0x1", nil),
      ("99999999999999999999", nil),
      ("١", nil),
    ] as [(String, Int64?)])
  func numbers(digits: String, value: Int64?) {
    var number: Int64 = -7
    let parsed = withStrings([digits]) {
      jw_number_parse(jw_slice(bytes: $0[0], length: digits.utf8.count), &number)
    }
    #expect(parsed == (value != nil ? 0 : -EBADMSG) && number == value ?? -7)
  }

  @Test(arguments: [
    ("close", true), ("CLOSE", true), ("keep-alive, Close", true), ("a,\tclose ,b", true), ("", false),
    (",", false),
    ("closed", false), ("clos", false), ("close b", false), ("a;close", false),
  ])
  func lists(list: String, holds: Bool) {
    withStrings(["Connection", list]) { strings in
      var field = jw_field(
        name: jw_slice(bytes: strings[0], length: 10),
        value: jw_slice(bytes: strings[1], length: list.utf8.count))
      #expect(jw_field_lists(&field, "close") == holds)
      #expect(jw_is(field.name, "connection") && !jw_is(field.name, "connections"))
    }
  }
}

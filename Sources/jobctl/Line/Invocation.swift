import JobAPI
import Platform

/// A command line taken apart by a command's description.
struct Invocation {
  let command: Command
  private(set) var values: [String: [String]] = [:]
  private(set) var arguments: [String] = []
  /// `--help` is among the options.
  private(set) var wantsHelp = false

  init(_ command: Command, _ line: [String]) throws(UsageError) {
    self.command = command
    var reader = ArgumentReader(line)
    lazy var options = command.allOptions
    while let argument = reader.next() {
      switch argument {
      case .option("--help") where !reader.hasAttachedValue, .option("-h"): wantsHelp = true
      case .option(let spelling): try take(spelling, of: options, &reader)
      case .word("--"): arguments += reader.remaining()
      case .word(let word):
        arguments.append(word)
        if command.operands.kind == .command { arguments += reader.remaining() }
      }
    }
    if !wantsHelp { try checkArguments() }
  }

  private mutating func take(
    _ spelling: String, of options: [Option], _ reader: inout ArgumentReader
  ) throws(UsageError) {
    guard let option = options.first(where: { $0.spellings.contains(spelling) }) else {
      let name = String(spelling.dropFirst(2))
      let near = name.isEmpty ? "" : Suggestion.text(for: name, among: options.map(\.name), "--")
      throw usage("there is no option \(spelling)\(near)")
    }
    var text = ""
    if let value = option.value {
      guard let given = reader.value() else { throw usage("\(spelling) needs a value: \(value.placeholder)") }
      text = given
    } else if reader.hasAttachedValue {
      throw usage("\(spelling) takes no value")
    }
    guard option.isRepeated || values[option.name] == nil else { throw usage("\(spelling) is given twice") }
    if let demand = option.value?.demand(of: text) {
      throw usage("\(spelling) is \"\(text)\", but must be \(demand)")
    }
    values[option.name, default: []].append(text)
  }

  private func checkArguments() throws(UsageError) {
    let operands = command.operands
    guard arguments.count >= operands.count.lowerBound else { throw usage("expected \(operands.usage)") }
    guard arguments.count <= operands.count.upperBound else {
      throw usage("unexpected argument \"\(arguments[operands.count.upperBound])\"")
    }
    if case .words(let words) = operands.kind, let demand = OptionValue.oneOf(words).demand(of: arguments[0])
    {
      throw usage("\"\(arguments[0])\" must be \(demand)")
    }
  }

  /// The option that sets it. What `--key` is to a command of its own is another thing.
  func spelling(of setting: Setting) -> String {
    setting == .key && command.connection.allSatisfy { $0.name != setting.rawValue }
      ? "cert-key" : setting.rawValue
  }

  func has(_ option: String) -> Bool { values[option] != nil }
  func value(_ option: String) -> String? { values[option]?.last }
  func all(_ option: String) -> [String] { values[option] ?? [] }
  func duration(_ option: String) -> DurationText? { value(option).flatMap { DurationText($0) } }
  func number(_ option: String) -> Int? { value(option).flatMap { Int($0) } }
  func size(_ option: String) -> Int64? { value(option).flatMap(Units.bytes.parse) }

  /// NAME=VALUE options as a dictionary; nil when there are none.
  func pairs(_ option: String) -> [String: String]? {
    guard has(option) else { return nil }
    return Dictionary(all(option).map { $0.halves(at: "=") }.map { ($0, $1 ?? "") }) { $1 }
  }

  var wantsJSON: Bool { value("output") == "json" }

  /// Prints a line: as JSON where that is asked for, else in words.
  func print(_ body: some Encodable, _ line: @autoclosure () -> String) throws {
    try wantsJSON ? Terminal.print(json: body) : Terminal.print(line() + "\n")
  }

  func usage(_ text: String) -> UsageError { UsageError(text, command: command.name) }
}

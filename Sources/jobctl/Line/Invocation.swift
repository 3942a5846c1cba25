import JobAPI

/// A command line taken apart by a command's description.
struct Invocation {
  let command: Command
  private(set) var values: [String: [String]] = [:]
  private(set) var arguments: [String] = []
  /// `--help` is among the options.
  private(set) var wantsHelp = false

  init(_ command: Command, _ line: [String]) throws(UsageError) {
    self.command = command
    var rest = line[...]
    while let word = rest.popFirst() {
      if word == "--" {
        arguments += rest
        break
      }
      if word.hasPrefix("--") {
        try takeLong(word, &rest)
      } else if word.hasPrefix("-"), word != "-" {
        try takeShort(word, &rest)
      } else {
        arguments.append(word)
        if command.operands == .command {
          arguments += rest
          break
        }
      }
    }
    if !wantsHelp { try checkArguments() }
  }

  /// `--name`, `--name value` or `--name=value`.
  private mutating func takeLong(_ word: String, _ rest: inout ArraySlice<String>) throws(UsageError) {
    let parts = word.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    if word == "--help" {
      wantsHelp = true
      return
    }
    guard let option = command.allOptions.first(where: { $0.name == parts[0] }) else {
      let names = command.allOptions.map(\.name)
      throw usage(
        "there is no option --\(parts[0])\(Suggestion.text(for: String(parts[0]), among: names, "--"))")
    }
    guard option.value != nil else {
      guard parts.count == 1 else { throw usage("--\(option.name) takes no value") }
      return try take(option, "--\(option.name)", "")
    }
    guard let value = parts.count > 1 ? String(parts[1]) : rest.popFirst() else {
      throw usage("--\(option.name) needs a value: \(option.value!.placeholder)")
    }
    try take(option, "--\(option.name)", value)
  }

  /// `-f`, several of them together as in `-ft`, and `-o value` or `-ovalue`.
  private mutating func takeShort(_ word: String, _ rest: inout ArraySlice<String>) throws(UsageError) {
    var letters = word.dropFirst()
    while let letter = letters.popFirst() {
      if letter == "h" {
        wantsHelp = true
        continue
      }
      guard let option = command.allOptions.first(where: { $0.short == letter }) else {
        throw usage("there is no option -\(letter)")
      }
      guard option.value != nil else {
        try take(option, "-\(letter)", "")
        continue
      }
      guard let value = letters.isEmpty ? rest.popFirst() : String(letters) else {
        throw usage("-\(letter) needs a value: \(option.value!.placeholder)")
      }
      return try take(option, "-\(letter)", value)
    }
  }

  private mutating func take(_ option: Option, _ spelling: String, _ value: String) throws(UsageError) {
    guard option.isRepeated || values[option.name] == nil else { throw usage("\(spelling) is given twice") }
    if let demand = option.value?.demand(of: value) {
      throw usage("\(spelling) is \"\(value)\", but must be \(demand)")
    }
    values[option.name, default: []].append(value)
  }

  private func checkArguments() throws(UsageError) {
    let operands = command.operands
    guard arguments.count >= operands.count.lowerBound else { throw usage("expected \(operands.usage)") }
    guard arguments.count <= operands.count.upperBound else {
      throw usage("unexpected argument \"\(arguments[operands.count.upperBound])\"")
    }
    if case .oneOf(let words) = operands, let demand = OptionValue.oneOf(words).demand(of: arguments[0]) {
      throw usage("\"\(arguments[0])\" must be \(demand)")
    }
  }

  func has(_ option: String) -> Bool { values[option] != nil }
  func value(_ option: String) -> String? { values[option]?.last }
  func all(_ option: String) -> [String] { values[option] ?? [] }
  func duration(_ option: String) -> DurationText? { value(option).flatMap { DurationText($0) } }
  func number(_ option: String) -> Int64? { value(option).flatMap { Int64($0) } }

  func size(_ option: String) -> Int64? { value(option).flatMap { SizeText.parse($0) }.map { Int64($0) } }

  /// NAME=VALUE options as a dictionary; nil when there are none.
  func pairs(_ option: String) -> [String: String]? {
    guard has(option) else { return nil }
    var pairs: [String: String] = [:]
    for text in all(option) {
      let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      pairs[String(parts[0])] = String(parts[1])
    }
    return pairs
  }

  var wantsJSON: Bool { value("output") == "json" }

  func usage(_ text: String) -> UsageError { UsageError(text, command: command.name) }
}

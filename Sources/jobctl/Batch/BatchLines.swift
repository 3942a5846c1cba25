/// The lines of an input, looked through before anything is sent.
struct BatchLines {
  /// Lines that are commands.
  private(set) var count = 0
  private var faults: [BatchFault] = []
  private static let mostTold = 20

  /// Reads the input from its beginning to its end, and goes back there.
  init(_ input: BatchInput, _ form: BatchForm) throws {
    while faults.count <= Self.mostTold {
      do {
        guard case .line(let line) = try input.next(within: -1) else { break }
        _ = try form.request(line)
        count += 1
      } catch let fault as BatchFault {
        // A line that is too long is not passed over.
        if faults.last?.line == fault.line { break }
        faults.append(fault)
      }
    }
    try input.rewind()
  }

  /// Which of them are no commands; nil: none.
  func faults(of name: String) -> String? {
    if faults.count <= 1 { return faults.first.map { "\(name): \($0)" } }
    let told = faults.prefix(Self.mostTold)
    let head =
      faults.count > told.count
      ? "the first \(told.count) lines that are wrong" : "\(told.count) lines are wrong"
    return (["\(name): \(head):"] + told.map { "  \($0)" }).joined(separator: "\n")
  }
}

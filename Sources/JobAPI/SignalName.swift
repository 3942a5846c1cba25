/// A signal as the API and the command line write it: `TERM`, `SIGTERM` or `15`. Linux's numbers on x86-64 and AArch64.
public struct SignalName: TextValue, Sendable, Equatable {
  public let number: Int32

  private static let names = [
    "", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE",
    "ALRM",
    "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF",
    "WINCH", "IO", "PWR", "SYS",
  ]
  public static let allowed = "a name such as TERM or SIGTERM, or a number from 1 to 64"
  /// The names, for completion.
  public static var all: [String] { Array(names.dropFirst()) }

  /// Nil outside 1 to 64.
  public init?(number: Int32) {
    guard (1...64).contains(number) else { return nil }
    self.number = number
  }

  /// Nil for anything that is not ``allowed``.
  public init?(_ text: String) {
    if let number = Int32(text) {
      self.init(number: number)
      return
    }
    let upper = text.uppercased()
    let name = upper.hasPrefix("SIG") ? String(upper.dropFirst(3)) : upper
    guard !name.isEmpty, let index = Self.names.firstIndex(of: name) else { return nil }
    self.init(number: Int32(index))
  }

  /// Its name without `SIG`, or its number when it has none.
  public var description: String {
    number < Self.names.count ? Self.names[Int(number)] : "\(number)"
  }

  public init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    let text = (try? value.decode(String.self)) ?? (try? value.decode(Int32.self)).map(String.init)
    guard let text, let signal = SignalName(text) else {
      throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: Self.allowed))
    }
    self = signal
  }
}

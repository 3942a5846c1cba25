/// Why it is not done, in words.
func refusal(_ body: () throws -> Void) -> String {
  do {
    try body()
    return "it was done"
  } catch {
    return "\(error)"
  }
}

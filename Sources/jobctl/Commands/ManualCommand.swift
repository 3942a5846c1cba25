extension Command {
  static let manual = Command(
    name: "manual", summary: "Prints the manual page jobctl(1), for mandoc or man.", connects: false,
    examples: [("jobctl manual | mandoc -a", "reads it")]
  ) { _ in
    try Terminal.print(ManualPage.text)
    return 0
  }
}

/// Where jobs wait until a test lets them go on, however long it takes to get there.
package struct Go {
  private let file: String

  package init(_ scratch: Scratch) { file = scratch.fresh("go") }

  /// What their shells do meanwhile.
  package var wait: String { "until [ -e \(file) ]; do sleep 0.1; done" }

  package func callAsFunction() throws { try Files.write([], to: file) }
}

@testable import JobPool

/// The example of the documentation, compiled. The lines between the braces are those of README.md and of the
/// documentation's page, which a test compares.
func poolExample() throws {
  let pool = try JobPool(directory: "/tmp/jobpool-example", evaluation: .eager)
  let id = try pool.create("sh", arguments: ["-c", "echo hello; exit 3"])
  let status = try pool.wait(id)
  let text = String(decoding: try pool.output(id).stdout, as: UTF8.self)
  print("exit code \(status.exitCode!), output \(text)", terminator: "")
  try pool.delete(id)
}

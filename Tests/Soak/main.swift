import Glibc
import Harness

// Runs a daemon under mixed load, disturbs it if asked to, and compares all that its clients saw with what must be.
do {
  let options = try Options(Array(CommandLine.arguments.dropFirst()))
  say("seed \(options.seed), \(options.clients) clients")
  let status = try Run(options).run()
  if let pki = try? Pki.shared.get() { Files.removeTree(pki.directory) }
  exit(status)
} catch let error as Options.UsageError {
  say("\(error)")
  exit(2)
} catch {
  say("VIOLATION: \(error)")
  exit(1)
}

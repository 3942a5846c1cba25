import Glibc
import JobModel
import JobService
import JobSupervisor
import Platform

/// `jobd setup`: what is missing until a first job can be run, one thing after the other. What one run has made, the next
/// one uses.
enum Setup {
  /// As the service has it: variables of whoever types the command are not the daemon's.
  static let environment = Environment.all.filter { !$0.key.hasPrefix("JOBD_") }

  static func run(_ arguments: [String]) throws {
    let options = try SetupOptions(arguments)
    // An address that is none is said so before anything is made.
    let wanted = try load(options.listen.map { ["--listen", $0] } ?? [])
    let before = try load()
    let file = try SetupFile(before, listen: options.listen)
    let service = Service(stateDirectory: before.configuration.stateDirectory)
    try service.check(file, wanted.configuration)
    let certificates = try SetupCertificates(before, options)
    try certificates?.make()
    try file.write()
    let after = try load()
    let configuration = after.configuration
    try Supervisor.check(configuration)
    _ = try ServerTLS.load(configuration)
    let outcome = try service.start(file)
    if case .serves(let address, _) = outcome {
      try certificates?.makeClients(address)
    } else {
      try certificates?.makeClients(configuration.listen.onThisHost)
    }
    SetupAdvice(
      hasAuthority: certificates?.hasKey ?? false, configuration: configuration,
      isListenSet: after.sources["listen"] != nil, service: outcome
    ).tell()
  }

  private static func load(_ arguments: [String] = []) throws(ConfigurationError) -> ConfigurationLoader {
    try ConfigurationLoader(arguments: arguments, environment: environment)
  }

  static func tell(_ word: String, _ text: String) { print("\(word)  \(text)") }
}

import Glibc
import JobModel
import JobService
import JobSupervisor
import Platform

/// `jobd setup`: what is missing until a first job can be run, one thing after the other. What one run has made, the next
/// one uses.
enum Setup {
  /// As the service has it: variables of whoever types the command are not the daemon's.
  static let environment = Environment.all.filter { name, _ in
    !name.hasPrefix("JOBD_") && (geteuid() != 0 || !name.hasPrefix("XDG_"))
  }

  /// As sudo sets it: where root finds systemctl is not for somebody else's PATH to say.
  private static let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

  static func run(_ arguments: [String]) throws {
    if geteuid() == 0 { setenv("PATH", path, 1) }
    let options = try SetupOptions(arguments)
    // An address that is none is said so before anything is made.
    let wanted = try load(options.listen.map { ["--listen", $0] } ?? [])
    let before = try load()
    let file = try SetupFile(before, listen: options.listen)
    let service = Service(stateDirectory: before.configuration.stateDirectory)
    try service.check(wanted, file)
    let certificates = try SetupCertificates(before, options, listenHost: wanted.configuration.listenHost)
    try certificates?.make()
    try Supervisor.check(wanted.configuration)
    _ = try ServerTLS.load(wanted.configuration)
    let guest = certificates.flatMap { SetupGuest($0, before) }
    try file.write(client: guest?.entry)
    let after = try load()
    let outcome = try service.start(after, file, hasNewClient: guest?.isNew ?? false)
    let server: Address? = if case .serves(let address, _) = outcome { address } else { nil }
    let address = server ?? after.configuration.listen.onThisHost
    try certificates?.makeClient(address)
    guest?.make(address, after.configuration)
    if let server { certificates?.tryOut(server) }
    SetupAdvice(
      hasAuthority: certificates?.hasKey ?? false, configuration: after.configuration,
      canListenElsewhere: after.sources["listen"] == nil && !service.hasSocket, service: outcome
    ).tell()
  }

  private static func load(_ arguments: [String] = []) throws(ConfigurationError) -> ConfigurationLoader {
    try ConfigurationLoader(arguments: arguments, environment: environment)
  }

  static func tell(_ word: String, _ text: String) { print("\(word)  \(text)") }
}

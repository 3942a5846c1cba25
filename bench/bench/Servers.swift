import BenchSupport
import Glibc

/// The certificates that all servers and clients of a run use.
struct Pki {
  let directory: String
  private let jobctl: String

  /// Who a load comes from.
  struct Client {
    let name: String
  }
  static let bench = Client(name: "bench")

  init(directory: String, jobctl: String) throws {
    (self.directory, self.jobctl) = (directory, jobctl)
    try Child.run([jobctl, "ca", "init", "--dir", directory], log: "/dev/null")
    try Child.run(
      [jobctl, "ca", "server", "--dir", directory, "--host", "localhost", "--host", "127.0.0.1"],
      log: "/dev/null")
    _ = try add(Self.bench.name)
  }

  /// Another client of the same authority.
  func add(_ name: String) throws -> Client {
    try Child.run([jobctl, "ca", "client", "--dir", directory, name], log: "/dev/null")
    return Client(name: name)
  }

  func loadOptions(of client: Client) -> [String] {
    [
      "--certificate", "\(directory)/\(client.name).crt", "--key", "\(directory)/\(client.name).key",
      "--authority",
      "\(directory)/ca.crt",
    ]
  }
}

protocol Server {
  var port: Int { get }
  /// The processes whose CPU time and memory are the server's.
  var pids: [pid_t] { get }
}

extension Server {
  /// In bytes: what these processes alone hold, and their share of what they share.
  func memory() throws -> Double {
    try pids.map { try Files.kibibytes("/proc/\($0)/smaps_rollup")["Pss"] ?? 0 }.reduce(0, +) * 1024
  }
}

/// A running jobd: the supervisor and its api process.
final class Jobd: Server {
  let port: Int
  let pids: [pid_t]
  let state: String
  /// Seconds from its start until it listened.
  let startup: Double
  private let child: Child

  /// Limits that protect a host from its clients are set so that the load generator does not reach them.
  /// `settings`: the configuration file. `below`: where its state is, when that is not the run's own directory.
  init(
    _ bench: Bench, state name: String, below directory: String? = nil, options: [String] = [],
    settings: String = "{}"
  ) throws {
    state = "\(directory ?? bench.options.scratch)/\(name)"
    let log = "\(state).log"
    unlink(log)
    try Files.write(settings, to: "\(state).json5")
    let pki = bench.pki.directory
    let start = Clock.now
    let child = try Child(
      [
        "\(bench.programs)/jobd", "--listen", "127.0.0.1:0", "--state-directory", state, "--certificate-file",
        "\(pki)/server.crt", "--key-file", "\(pki)/server.key", "--client-ca-file", "\(pki)/ca.crt",
        "--config",
        "\(state).json5", "--workers", "\(Machine.workers)", "--client-create-rate", "1000000",
        "--output-limit", "16GiB", "--retention-jobs",
        "2000000",
        "--retention-bytes", "64GiB", "--retention-total-bytes", "64GiB",
      ] + options, log: log)
    var port: Int?
    try poll("jobd listens") {
      guard !child.hasEnded else { throw BenchFailure("jobd ended: \(try Files.read(log))") }
      port = try Files.read(log).split(separator: "\n").last { $0.contains("event=listening") }
        .flatMap { Int($0.split(separator: ":").last!) }
      return port != nil
    }
    startup = Clock.now - start
    self.port = port!
    self.child = child
    func pid(in event: String) throws -> pid_t {
      let line = try Files.read(log).split(separator: "\n").last { $0.contains("event=\(event) ") }
      let field = line?.split(separator: " ").first { $0.hasPrefix("pid=") }
      guard let pid = field.flatMap({ pid_t($0.dropFirst(4)) }) else {
        throw BenchFailure("jobd logs no \(event)")
      }
      return pid
    }
    pids = [try pid(in: "starting"), try pid(in: "api_started"), child.pid]
  }

  /// Seconds that the supervisor has used so far.
  var supervisorCPU: Double { Double(cpu_ns(pids[0])) / 1e9 }

  /// Processes that the supervisor has started and that run, its api process not among them.
  func children() throws -> Int {
    let threads = try Child.run(["sh", "-c", "cat /proc/\(pids[0])/task/*/children"]).text
    return threads.split { $0 == " " || $0 == "\n" }.count - 1
  }

  /// In order; it has to end well.
  func stop() throws {
    child.signal(SIGTERM)
    guard child.wait().status == 0 else { throw BenchFailure("jobd ended with \(child.wait().status)") }
  }

  deinit {
    child.signal(SIGKILL)
    child.wait()
  }
}

/// Debian's nginx with the same certificates: a port with its defaults, one with jobd's ticket settings.
final class Nginx: Server {
  let port = 17601
  let equalPort = 17602
  let pids: [pid_t]
  private let child: Child

  init(_ bench: Bench, reply: String, workers: Int = Machine.workers) throws {
    let directory = bench.path("nginx")
    try Files.remove(directory)
    try Files.makeDirectory(directory)
    try Files.makeDirectory("\(directory)/files")
    try Files.write(
      Self.configuration(directory, bench.pki.directory, reply, workers, [port, equalPort]),
      to: "\(directory)/nginx.conf")
    let child = try Child(
      ["nginx", "-e", "\(directory)/error.log", "-c", "\(directory)/nginx.conf"], log: "\(directory)/stderr")
    var found: [pid_t] = []
    try poll("nginx starts") {
      guard !child.hasEnded else {
        throw BenchFailure("nginx ended: \(try Files.read("\(directory)/stderr"))")
      }
      found = try Files.read("/proc/\(child.pid)/task/\(child.pid)/children").split(separator: " ").compactMap
      { pid_t($0) }
      return found.count == workers
    }
    (pids, self.child) = (found, child)
  }

  /// A server like this one, on the port with equal settings.
  struct Equal: Server {
    let port: Int
    let pids: [pid_t]
  }
  var equal: Equal { Equal(port: equalPort, pids: pids) }

  private static func configuration(
    _ directory: String, _ pki: String, _ reply: String, _ workers: Int, _ ports: [Int]
  ) -> String {
    let locations = """
      root \(directory)/files;
          location = /status { default_type application/json; return 200 '\(reply)'; }
          location / { default_type application/octet-stream; }
      """
    return """
      daemon off; worker_processes \(workers); worker_rlimit_nofile 20000; pid \(directory)/nginx.pid;
      events { worker_connections 19000; }
      http {
        access_log off; keepalive_requests 1000000000; keepalive_timeout 1h; keepalive_time 24h;
        ssl_certificate \(pki)/server.crt; ssl_certificate_key \(pki)/server.key; ssl_protocols TLSv1.3;
        ssl_client_certificate \(pki)/ca.crt; ssl_verify_client on;
        server {
          listen 127.0.0.1:\(ports[0]) ssl reuseport backlog=4096;
          \(locations)
        }
        server {
          listen 127.0.0.1:\(ports[1]) ssl reuseport backlog=4096;
          ssl_session_tickets off; ssl_session_cache shared:bench:64m; ssl_conf_command NumTickets 1;
          \(locations)
        }
      }
      """
  }

  deinit {
    child.signal(SIGTERM)
    child.wait()
  }
}

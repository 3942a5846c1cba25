// swift-tools-version: 6.0
import PackageDescription

let package = Package(
  name: "jobd",
  products: [
    .library(name: "JobService", targets: ["JobService"]),
    .library(name: "JobClient", targets: ["JobClient"]),
    .executable(name: "jobd", targets: ["jobd"]),
    .executable(name: "jobctl", targets: ["jobctl"]),
  ],
  targets: [
    // System libraries, from Debian's packages.
    .systemLibrary(
      name: "CLibevent", pkgConfig: "libevent_core libevent_pthreads",
      providers: [.apt(["libevent-dev"])]),
    .systemLibrary(
      name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(
      name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),

    // The half that client and server both need: TLS, certificates, HTTP/1.1, the client connection.
    .target(name: "CJobWire", dependencies: ["COpenSSL"]),
    // The server half: spawn, drain, reap; event loop; TLS listener; HTTP requests.
    .target(name: "CJobCore", dependencies: ["CJobWire", "CLibevent", "COpenSSL"]),

    .target(name: "JobAPI"),
    .target(name: "JobClient", dependencies: ["JobAPI", "CJobWire"]),
    .target(name: "JobService", dependencies: ["JobAPI", "CJobCore", "CJobWire", "CSQLite"]),
    .executableTarget(name: "jobd", dependencies: ["JobService"]),
    .executableTarget(name: "jobctl", dependencies: ["JobClient", "JobAPI", "CJobWire"]),

    // The benchmark: what drives the servers, what they are compared with, and what runs and reports it all.
    .target(
      name: "BenchSupport", path: "bench/support", cSettings: [.define("_GNU_SOURCE")]),
    .executableTarget(
      name: "loadgen", dependencies: ["BenchSupport", "COpenSSL"], path: "bench/loadgen",
      cSettings: [.define("_GNU_SOURCE")]),
    .executableTarget(
      name: "baseline", dependencies: ["BenchSupport"], path: "bench/baseline",
      cSettings: [.define("_GNU_SOURCE")]),
    .executableTarget(
      name: "bench", dependencies: ["BenchSupport", "CSQLite"], path: "bench/bench"),

    // What runs the daemon and its clients for the end-to-end tests and for the soak.
    .target(name: "Harness", dependencies: ["JobClient", "JobAPI", "COpenSSL"], path: "Tests/Harness"),
    .executableTarget(name: "fake-service-manager", path: "Tests/FakeServiceManager"),
    .executableTarget(name: "soak", dependencies: ["Harness", "JobClient", "JobAPI"], path: "Tests/Soak"),
    .testTarget(
      name: "WireTests", dependencies: ["CJobWire", "COpenSSL", "Harness", "JobAPI", "JobClient"]),
    .testTarget(name: "CommandLineTests", dependencies: ["jobctl", "JobAPI", "JobClient"]),
    .testTarget(name: "CoreTests", dependencies: ["CJobCore", "CJobWire", "COpenSSL", "Harness"]),
    .testTarget(
      name: "ServiceTests", dependencies: ["Harness", "JobService", "JobAPI"],
      // Databases of each version of the tables, as a daemon of that version left them.
      exclude: ["Store/version-1.db"]),
    .testTarget(
      name: "EndToEndTests",
      dependencies: [
        "Harness", "JobClient", "JobAPI", "JobService", "jobd", "jobctl", "loadgen", "fake-service-manager",
      ]),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .gnu17
)

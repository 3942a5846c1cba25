// swift-tools-version: 6.0
import PackageDescription

let package = Package(
  name: "jobd",
  products: [
    .library(name: "JobPool", targets: ["JobPool"]),
    .library(name: "JobClient", targets: ["JobClient"]),
    .executable(name: "jobd", targets: ["jobd"]),
    .executable(name: "jobd-keeper", targets: ["jobd-keeper"]),
    .executable(name: "jobctl", targets: ["jobctl"]),
  ],
  targets: [
    // System libraries, from Debian's packages.
    .systemLibrary(
      name: "CLibevent", pkgConfig: "libevent_core",
      providers: [.apt(["libevent-dev"])]),
    .systemLibrary(
      name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(
      name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),

    // What jobctl and the daemon both need of the system.
    .target(name: "CPlatform"),
    .target(name: "Platform", dependencies: ["CPlatform"]),

    // The half that client and server both need: TLS, certificates, HTTP/1.1, the client connection.
    .target(name: "CJobWire", dependencies: ["CPlatform", "COpenSSL"]),
    .target(name: "JobAPI", dependencies: ["Platform"]),
    .target(name: "JobClient", dependencies: ["JobAPI", "CJobWire", "Platform"]),
    .executableTarget(name: "jobctl", dependencies: ["JobClient", "JobAPI", "CJobWire", "Platform"]),

    // A job in one flat form: what api process and supervisor send, store and execute.
    .target(name: "CJobPlan", dependencies: ["CPlatform"]),

    // What the daemon says to the process that keeps it alive.
    .target(name: "CKeeper"),

    // The server half in C, in four rooms. Who may start a process is who depends on CJobEngine.
    .target(name: "CJobLoop", dependencies: ["CPlatform", "CLibevent"], path: "Sources/CJobCore/loop"),
    .target(
      name: "CJobEngine", dependencies: ["CJobLoop", "CJobPlan", "CKeeper", "CPlatform"],
      path: "Sources/CJobCore/engine"
    ),
    .target(
      name: "CJobHTTP", dependencies: ["CJobLoop", "CJobWire", "CPlatform", "CLibevent", "COpenSSL"],
      path: "Sources/CJobCore/http"),
    // The supervisor's alone: the api process cannot read the key.
    .target(name: "CJobSeal", dependencies: ["COpenSSL"], path: "Sources/CJobCore/seal"),

    // The process that never dies, of libc alone.
    .executableTarget(
      name: "jobd-keeper", dependencies: ["CKeeper"],
      // SwiftPM links the Swift runtime into programs of C alone too, but where that is embedded.
      linkerSettings: [.unsafeFlags(["-nostartfiles", "-enable-experimental-feature", "Embedded"])]),

    // What both of the daemon's processes know.
    .target(name: "JobLoop", dependencies: ["CJobLoop", "Platform"]),
    .target(name: "JobModel", dependencies: ["JobAPI", "Platform", "CJobPlan", "CPlatform"]),
    .target(name: "JobStore", dependencies: ["JobModel", "JobAPI", "Platform", "CPlatform", "CSQLite"]),

    // The supervisor, the library, and what drives the engine for both.
    .target(
      name: "JobEngine",
      dependencies: ["CJobEngine", "JobLoop", "JobModel", "JobAPI", "Platform", "CPlatform"]),
    .target(
      name: "JobPool", dependencies: ["CJobEngine", "JobEngine", "JobLoop", "JobModel", "JobAPI", "Platform"]),
    .target(
      name: "JobSupervisor",
      dependencies: [
        "CJobEngine", "CJobLoop", "CJobSeal", "CKeeper", "JobEngine", "JobLoop", "JobStore", "JobModel",
        "JobAPI", "Platform", "CPlatform",
      ]),

    // The web page's files, in a module of their own: what is put into the program takes long to compile.
    .target(name: "WebPage", dependencies: ["Platform"], resources: [.embedInCode("files")]),

    // The api process: nothing of the supervisor or of the engine is in its reach.
    .target(
      name: "JobService",
      dependencies: [
        "CJobHTTP", "CJobLoop", "CJobWire", "JobLoop", "WebPage", "JobStore", "JobModel", "JobAPI",
        "Platform", "CPlatform",
      ]),
    .executableTarget(
      name: "jobd",
      dependencies: [
        "JobService", "JobSupervisor", "JobModel", "JobAPI", "CJobWire", "Platform", "CPlatform",
      ]),

    // The benchmark: what drives the servers, what they are compared with, and what runs and reports it all.
    .target(
      name: "BenchSupport", path: "bench/support", cSettings: [.define("_GNU_SOURCE")]),
    .executableTarget(
      name: "loadgen", dependencies: ["BenchSupport", "COpenSSL"], path: "bench/loadgen",
      cSettings: [.define("_GNU_SOURCE")]),
    .executableTarget(
      name: "baseline", dependencies: ["BenchSupport"], path: "bench/baseline",
      cSettings: [.define("_GNU_SOURCE")]),
    .executableTarget(name: "pool", dependencies: ["JobPool"], path: "bench/pool"),
    .executableTarget(
      name: "bench", dependencies: ["BenchSupport", "CSQLite"], path: "bench/bench"),

    // What runs the daemon and its clients for the end-to-end tests and for the soak.
    .target(
      name: "Harness", dependencies: ["JobClient", "JobAPI", "Platform", "COpenSSL"], path: "Tests/Harness"),
    // In place of a supervisor that an upgrade starts, or of the program that brings listening sockets.
    .executableTarget(name: "fake-supervisor", dependencies: ["CKeeper"], path: "Tests/FakeSupervisor"),
    .executableTarget(name: "socket-activation", path: "Tests/SocketActivation"),
    .executableTarget(name: "soak", dependencies: ["Harness", "JobClient", "JobAPI"], path: "Tests/Soak"),
    .testTarget(
      name: "WireTests", dependencies: ["CJobWire", "COpenSSL", "Harness", "JobAPI", "JobClient"]),
    .testTarget(name: "CommandLineTests", dependencies: ["jobctl", "JobAPI", "JobClient", "Platform"]),
    .testTarget(
      name: "CoreTests",
      dependencies: ["CJobHTTP", "CJobLoop", "CJobWire", "COpenSSL", "CPlatform", "Harness"]),
    .testTarget(
      name: "ServiceTests",
      dependencies: [
        "Harness", "CJobEngine", "CPlatform", "CSQLite", "JobAPI", "JobEngine", "JobLoop", "JobModel",
        "JobPool", "JobService", "JobStore", "JobSupervisor", "Platform", "jobd",
      ],
      // Databases of each version of the tables, as a daemon of that version left them.
      exclude: ["Store/version-1.db"]),
    .testTarget(
      name: "EndToEndTests",
      dependencies: [
        "Harness", "JobClient", "JobAPI", "JobModel", "JobStore", "WebPage", "jobd", "jobd-keeper", "jobctl",
        "loadgen", "fake-supervisor", "socket-activation",
      ],
      // What earlier versions left behind, and what records it.
      exclude: ["Takeover/0.1.0", "Takeover/record.py"]),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .gnu17
)

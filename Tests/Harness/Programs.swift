import Glibc

/// Where the built programs are: beside the test bundle.
package enum Programs {
  package static let directory: String = {
    var path = Array(repeating: CChar(0), count: 4096)
    let count = readlink("/proc/self/exe", &path, path.count - 1)
    let own = String(decoding: path.prefix(max(0, count)).map(UInt8.init(bitPattern:)), as: UTF8.self)
    return String(own[..<(own.lastIndex(of: "/") ?? own.endIndex)])
  }()

  package static var jobd: String { "\(directory)/jobd" }
  package static var keeper: String { "\(directory)/jobd-keeper" }
  /// Puts a program in place of another, as a package manager does it: what runs goes on with its own file. By another
  /// process: what this one has open for writing, a process that another thread starts has too until its exec, and it
  /// could not be started meanwhile.
  package static func install(_ source: String, at path: String, _ scratch: Scratch) throws {
    let fresh = path + ".new"
    let done = try Running("install", ["-m", "755", source, fresh], directory: scratch).wait()
    guard done.status == 0, rename(fresh, path) == 0 else { throw CannotStart(program: path, code: errno) }
  }

  /// The same with a script.
  package static func install(script: String, at path: String, _ scratch: Scratch) throws {
    let file = scratch.fresh("script")
    try Files.write(Array(script.utf8), to: file)
    try install(file, at: path, scratch)
  }

  package static var fakeSupervisor: String { "\(directory)/fake-supervisor" }
  package static var socketActivation: String { "\(directory)/socket-activation" }
  package static var jobctl: String { "\(directory)/jobctl" }
  /// The benchmark's client of thousands of connections.
  package static var loadgen: String { "\(directory)/loadgen" }
}

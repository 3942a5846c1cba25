import CJobEngine
import Glibc
import Harness
import Testing

/// The directory of a daemon's cgroups, claimed from a predecessor.
struct CgroupTests {
  private func claim(_ name: String, in parent: String, sparing spared: [Int64] = []) throws -> String {
    var made: UnsafeMutablePointer<CChar>?
    #expect(jc_cgroup_claim(parent, name, spared, spared.count, &made) == 0)
    defer { free(made) }
    return String(cString: try #require(made))
  }

  /// A process in a cgroup of its own, below another if `path` says so.
  private func process(in path: String, _ scratch: Scratch) throws -> Running {
    #expect(mkdir(path, 0o755) == 0)
    let process = try Running("sleep", ["1000"], directory: scratch)
    try Files.write(Array("\(process.pid)".utf8), to: "\(path)/cgroup.procs")
    return process
  }

  @Test func whatAPredecessorLeftIsKilledUnlessItIsSpared() throws {
    var found: UnsafeMutablePointer<CChar>?
    guard jc_cgroup_find(&found) == 0, let found else { return }
    defer { free(found) }
    let parent = String(cString: found)
    let scratch = try Scratch()
    defer { scratch.remove() }
    let path = try claim("jobd-test-\(getpid())", in: parent)
    let left = try [1, 2].map { try process(in: "\(path)/job-\($0)", scratch) }
    let spared = try process(in: "\(path)/job-3", scratch)
    #expect(mkdir("\(path)/job-4", 0o755) == 0)
    #expect(try claim("jobd-test-\(getpid())", in: parent, sparing: [3, 9]) == path)
    for process in left { #expect(try process.wait().status == 128 + SIGKILL) }
    #expect(Processes.isAlive(spared.pid))
    func cgroups() -> [String] { Files.list(path).filter { $0.hasPrefix("job-") } }
    #expect(cgroups() == ["job-3"])
    // One that is in use stays.
    jc_cgroup_release(path)
    #expect(cgroups() == ["job-3"])
    _ = try claim("jobd-test-\(getpid())", in: parent)
    #expect(try spared.wait().status == 128 + SIGKILL && cgroups().isEmpty)
    jc_cgroup_release(path)
    #expect(!Files.exists(path))
  }
}

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
    // For the jobs with limits.
    let limited = path + "-limited"
    let left = try ["\(path)/job-1", "\(path)/job-2", "\(limited)/job-5"].map { try process(in: $0, scratch) }
    let spared = try ["\(path)/job-3", "\(limited)/job-6"].map { try process(in: $0, scratch) }
    for path in ["\(path)/job-4", "\(limited)/job-7"] { #expect(mkdir(path, 0o755) == 0) }
    #expect(try claim("jobd-test-\(getpid())", in: parent, sparing: [3, 6, 9]) == path)
    for process in left { #expect(try process.wait().status == 128 + SIGKILL) }
    for process in spared { #expect(Processes.isAlive(process.pid)) }
    func cgroups() -> [String] { (Files.list(path) + Files.list(limited)).filter { $0.hasPrefix("job-") } }
    #expect(cgroups() == ["job-3", "job-6"])
    // One that is in use stays.
    jc_cgroup_release(path)
    #expect(cgroups() == ["job-3", "job-6"])
    _ = try claim("jobd-test-\(getpid())", in: parent)
    for process in spared { #expect(try process.wait().status == 128 + SIGKILL) }
    #expect(cgroups().isEmpty)
    jc_cgroup_release(path)
    #expect(!Files.exists(path) && !Files.exists(limited))
  }
}

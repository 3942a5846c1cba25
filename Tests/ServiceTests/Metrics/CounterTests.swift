import Glibc
import Harness
import Testing

@testable import JobModel
@testable import JobService

@Suite struct CounterTests {
  /// As an api process gets it: another descriptor of the same memory.
  private func descriptors(_ counts: SupervisorCounts) -> [Int32] { counts.descriptors.map { dup($0) } }

  @Test func theApiProcessReadsWhatItCannotWrite() throws {
    let counts = try SupervisorCounts(workers: 2)
    let passed = descriptors(counts)
    let length = 4096
    #expect(mmap(nil, length, PROT_READ | PROT_WRITE, MAP_SHARED, passed[0], 0) == MAP_FAILED)
    #expect(errno == EPERM)
    let read = mmap(nil, length, PROT_READ, MAP_SHARED, passed[0], 0)
    #expect(read != MAP_FAILED && mprotect(read, length, PROT_READ | PROT_WRITE) == -1)
    #expect(pwrite(passed[0], [1], 1, 0) == -1 && ftruncate(passed[0], 0) == -1)
    // Nor can it take the memory of its own counters from under its successors.
    #expect(ftruncate(passed[1], 0) == -1)
    let reader = try SupervisorCounts(reading: passed[0])
    counts.add(.created)
    counts.add(.output, errno: ENOSPC)
    counts.add(.output, errno: 100_000)
    counts.add(store: .full)
    #expect(reader[.created] == 1 && reader[.startTime] > 0)
    #expect(reader[.output, Int(ENOSPC)] == 1 && reader[.output, 0] == 1 && reader[.launchOfSystem, 28] == 0)
    #expect(reader[store: .full] == 1 && reader[store: .other] == 0)
  }

  /// What the keeper hands the next supervisor of what this one had it hold.
  private func held(_ counts: SupervisorCounts) -> [String: Int32] {
    Dictionary(uniqueKeysWithValues: counts.held.map { ($0.name, dup($0.descriptor)) })
  }

  @Test func aSuccessorGoesOn() throws {
    let counts = try SupervisorCounts(workers: 2)
    counts.add(.storeChanges, 7)
    let api = try ApiCounts(descriptor: dup(counts.descriptors[1]), workers: 2)
    api.add(.refusedFollowers, worker: 0)
    let successor = try SupervisorCounts(workers: 2, held: held(counts))
    successor.add(.storeChanges)
    #expect(successor[.storeChanges] == 8 && counts[.storeChanges] == 7)
    #expect(successor[.startTime] == counts[.startTime])
    #expect(try ApiCounts(descriptor: dup(successor.descriptors[1]), workers: 2)[.refusedFollowers] == 1)
    // One that has more workers than fit begins anew with what they count.
    let larger = try SupervisorCounts(workers: 3, held: held(counts))
    #expect(larger[.storeChanges] == 7)
    #expect(try ApiCounts(descriptor: dup(larger.descriptors[1]), workers: 3)[.refusedFollowers] == 0)
  }

  @Test func workersAddUpAndGarbageDoesNotTrap() throws {
    let memory = try ApiCountsMemory.make(workers: 2)
    let first = try ApiCounts(descriptor: dup(memory), workers: 2)
    let second = try ApiCounts(descriptor: memory, workers: 2)
    first.add(.refusedFollowers, worker: 0)
    second.add(.refusedFollowers, worker: 1)
    #expect(first[.refusedFollowers] == 2 && first[.refusedConnections] == 0)
    first.server(0)[Int(5 + 200)] = .max
    first.server(1)[Int(5 + 200)] = .max
    #expect(second[status: 200] == UInt64.max - 1)
  }

  /// The process that counts cannot keep its successors from it; memory of an earlier daemon where one did is not used.
  @Test func noApiProcessRuinsItForTheNext() throws {
    let (addSeals, futureWrite): (Int32, Int32) = (1033, 0x10)
    let memory = try ApiCountsMemory.make(workers: 1)
    #expect(fcntl(memory, addSeals, futureWrite) == -1 && errno == EPERM)
    #expect(try ApiCountsMemory.make(workers: 1, handed: memory) == memory)
    let ruined = memfd("ruined", 2)
    try #require(ftruncate(ruined, 8192) == 0 && fcntl(ruined, addSeals, futureWrite) == 0)
    let fresh = try ApiCountsMemory.make(workers: 1, handed: ruined)
    _ = try ApiCounts(descriptor: fresh, workers: 1)
    close(memory)
  }

  /// memfd_create(2), which Swift is not shown; `flags` 2: it may be sealed.
  private func memfd(_ name: String, _ flags: UInt32) -> Int32 {
    typealias Call = @convention(c) (UnsafePointer<CChar>, UInt32) -> Int32
    return unsafeBitCast(dlsym(nil, "memfd_create"), to: Call.self)(name, flags)
  }

  @Test func textIsPrometheus() {
    var text = MetricsText()
    text.add("a_total", "Help.", 5)
    text.add("b", "More.", label: "l", [("x\"\\\n", 1), ("y", .max)])
    text.add("c_seconds", "When.", microseconds: 1_700_000_000_000_042)
    #expect(
      text.text == """
        # HELP a_total Help.
        # TYPE a_total counter
        a_total 5
        # HELP b More.
        # TYPE b gauge
        b{l="x\\"\\\\\\n"} 1
        b{l="y"} 18446744073709551615
        # HELP c_seconds When.
        # TYPE c_seconds gauge
        c_seconds 1700000000.000042

        """)
  }
}

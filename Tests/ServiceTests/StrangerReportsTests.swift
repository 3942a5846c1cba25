import JobModel
import Platform
import Testing

@testable import JobService

struct StrangerReportsTests {
  private func stranger(_ number: Int) -> Stranger {
    Stranger(address: "127.0.0.1:\(number)", reason: "no", name: nil, serial: nil)
  }

  @Test func aFloodIsToldInOne() {
    let told = Mutex<[Stranger]>([])
    let reports = StrangerReports { stranger in told.withLock { $0.append(stranger) } }
    for number in 1...1000 { reports.add(stranger(number)) }
    #expect(told.withLock { $0 } == (1...StrangerReports.most).map(stranger))
    reports.tick()
    var others = stranger(1000)
    others.count = UInt32(1000 - StrangerReports.most)
    #expect(told.withLock { $0.last } == others)
    // The next second is another.
    reports.add(stranger(1))
    reports.tick()
    reports.tick()
    #expect(
      told.withLock { $0.count } == StrangerReports.most + 2 && told.withLock { $0.last } == stranger(1))
  }
}

import CJobPlan
import Harness
import JobAPI
import Testing

@testable import JobModel

/// The one form of a job: what is asked for is what is in it, and nothing else is taken for one.
struct JobPlanTests {
  private static func request() -> CreateRequest {
    var request = CreateRequest(cmd: "/bin/echo", args: ["a", "", "ü"])
    request.env = ["A": "b=c", "AB": "", "B": "2", "D": "\u{301}"]
    request.cwd = "/tmp"
    request.stdinOpen = true
    request.timeout = DurationText(milliseconds: 1500)
    request.grace = DurationText(milliseconds: 0)
    request.labels = ["l": "v", "a/b": ""]
    request.merge = true
    request.outputLimit = 0
    request.onLimit = .kill
    request.user = "nobody"
    request.group = "nogroup"
    request.priority = -7
    (request.queue, request.queueSlots) = ("deploy/a", 3)
    request.limits = JobLimits(memory: SizeText("512MiB"), cpus: 0.25, processes: 64)
    request.runner = "cluster-1"
    return request
  }

  private func check(_ bytes: [UInt8]) throws -> JobPlan {
    try bytes.withUnsafeBytes { bytes throws(MalformedBytes) in try JobPlan(checking: bytes) }
  }

  @Test func allThatIsAskedForIsInIt() throws {
    let plan = try check(JobPlan(Self.request()).bytes)
    var visible = Self.request()
    (visible.env, visible.stdinOpen) = (nil, nil)
    #expect(plan.visibleRequest == visible)
    #expect(plan.isStdinOpen && plan.grace == 0 && plan.user == "nobody" && plan.group == "nogroup")
    #expect(plan.labels == ["a/b": "", "l": "v"])
    #expect(plan.priority == -7 && plan.queue == "deploy/a" && plan.queueSlots == 3)
    #expect(plan.limits == (512 << 20, 250, 64) && plan.runner == "cluster-1")
    #expect(plan.environment.map(\.name) == ["A", "AB", "B", "D"])
    #expect(plan.environment.map(\.value) == ["b=c", "", "2", "\u{301}"])
  }

  @Test func whatIsNotAskedForIsNot() throws {
    let plan = try check(JobPlan(CreateRequest(cmd: "true")).bytes)
    #expect(plan.visibleRequest == CreateRequest(cmd: "true"))
    #expect(!plan.isStdinOpen && plan.grace == nil && plan.labels.isEmpty)
    #expect(plan.priority == 0 && plan.queue == nil && plan.limits == (0, 0, 0))
    #expect(plan.runner == nil && plan.environment.isEmpty)
  }

  /// Digests of what an earlier version encoded were kept with the keys of its requests.
  @Test func whatAnEarlierVersionCouldSayIsEncodedAsItDid() {
    #expect(JobPlan(CreateRequest(cmd: "a")).bytes.count == 48 + 4 + 2)
  }

  /// Each text is found whichever of the others are there.
  @Test(arguments: 0..<32)
  func textsAreFoundByTheirKind(present: Int) throws {
    var request = CreateRequest(cmd: "true")
    request.cwd = present & 1 != 0 ? "/cwd" : nil
    request.user = present & 2 != 0 ? "user" : nil
    request.group = present & 4 != 0 ? "group" : nil
    (request.queue, request.queueSlots) = present & 8 != 0 ? ("queue", 1) : (nil, nil)
    request.runner = present & 16 != 0 ? "runner" : nil
    let plan = try check(JobPlan(request).bytes)
    #expect(plan.visibleRequest == request)
  }

  @Test func equalRequestsHaveEqualPlans() {
    var other = Self.request()
    other.env = Dictionary(uniqueKeysWithValues: other.env!.map { ($0.key, $0.value) }.reversed())
    #expect(JobPlan(other) == JobPlan(Self.request()))
    other.env!["B"] = "3"
    #expect(JobPlan(other) != JobPlan(Self.request()))
  }

  @Test func whatIsCutShortOrLongerIsRefused() {
    let bytes = JobPlan(Self.request()).bytes
    for count in 0..<bytes.count {
      #expect(throws: MalformedBytes.self) { try check(Array(bytes[0..<count])) }
    }
    #expect(throws: MalformedBytes.self) { try check(bytes + [0]) }
  }

  /// What the API refuses is refused here too: the sender may be anybody's by now.
  @Test func whatNoClientCouldAskForIsRefused() {
    let long = DurationText(milliseconds: 1 << 60)
    let changes: [(inout CreateRequest) -> Void] = [
      { $0.cmd = "" }, { $0.args = ["a\0b"] }, { $0.cwd = "relative" }, { $0.timeout = long },
      { $0.grace = long }, { $0.env = ["": ""] }, { $0.env = ["A\0": "c"] }, { $0.labels = ["": "v"] },
      { $0.user = "a\0b" }, { $0.tty = TerminalSize(rows: 0, columns: 80) },
      { $0.tty = TerminalSize(rows: 24, columns: 0) },
      { ($0.tty, $0.merge) = (TerminalSize(rows: 24, columns: 80), true) },
      { ($0.tty, $0.stdinOpen) = (TerminalSize(rows: 24, columns: 80), true) },
    ]
    for change in changes {
      var request = Self.request()
      change(&request)
      #expect(throws: MalformedBytes.self) { try check(JobPlan(request).bytes) }
    }
  }

  /// Two of a name, out of order, or without a value; and bytes that are no text.
  @Test func namesThatAreThereTwiceAndBytesThatAreNoTextAreRefused() {
    func replacing(_ text: String, by other: [UInt8]) -> [UInt8] {
      let bytes = JobPlan(Self.request()).bytes
      let at = bytes.indices.first { bytes[$0...].starts(with: text.utf8) }!
      return bytes[..<at] + other + bytes[(at + other.count)...]
    }
    #expect(throws: Never.self) { try check(replacing("B=2", by: Array("C=2".utf8))) }
    for (text, other) in [("B=2", "A=2"), ("AB=", "A=="), ("B=2", "B12"), ("B=2", "=B2"), ("l\0v", "A\0v")] {
      #expect(throws: MalformedBytes.self, "\(other)") { try check(replacing(text, by: Array(other.utf8))) }
    }
    #expect(throws: MalformedBytes.self) { try check(replacing("echo", by: [0xff, 0xfe, 0xc3, 0x28])) }
  }

  /// Two names that differ in bytes and are the same text: Swift takes them for one, C does not.
  @Test func namesThatAreTheSameTextAreNoReasonToTrap() throws {
    var request = CreateRequest(cmd: "true")
    request.labels = ["e\u{301}": "1", "zz": "2"]
    let bytes = JobPlan(request).bytes
    let at = bytes.indices.first { bytes[$0...].starts(with: "zz".utf8) }!
    let plan = try check(bytes[..<at] + [0xc3, 0xa9] + bytes[(at + 2)...])
    #expect(plan.labels.count == 1)
    #expect(plan.visibleRequest.labels?.count == 1)
  }

  /// Wherever a byte is changed, what is taken for a plan can be read whole.
  @Test func garbledPlansNeverTrap() {
    var random = SplitMix(seed: 1)
    let whole = JobPlan(Self.request()).bytes
    for _ in 0..<50_000 {
      var bytes = whole
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      guard let plan = try? check(bytes) else { continue }
      _ = (plan.visibleRequest, plan.environment)
    }
  }

  /// A later version's header may be longer, and an earlier one's shorter.
  @Test func aLongerHeaderIsReadAsFarAsItIsKnown() throws {
    let bytes = JobPlan(Self.request()).bytes
    let size = Int(bytes[4])
    var longer = Array(bytes[..<size]) + [1, 2, 3, 4, 5, 6, 7, 8] + bytes[size...]
    longer[4] += 8
    let plan = try check(longer)
    #expect(plan.visibleRequest == JobPlan(Self.request()).visibleRequest)
  }
}

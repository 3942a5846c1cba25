import Platform

/// What the processes of a job may use together. What is absent has no limit, or the daemon's default.
public struct JobLimits: Codable, Sendable, Equatable {
  /// Memory, page cache and kernel memory included; the job is killed when it needs more (cgroups(7), `memory.max`).
  public var memory: SizeText?
  /// CPUs' worth of time: 0.5 is half of one. The job is slowed down when it needs more (`cpu.max`).
  public var cpus: Double?
  /// Processes and threads at once; fork(2) fails with EAGAIN beyond (`pids.max`).
  public var processes: Int64?

  public init(memory: SizeText? = nil, cpus: Double? = nil, processes: Int64? = nil) {
    (self.memory, self.cpus, self.processes) = (memory, cpus, processes)
  }

  /// Thousandths of a CPU; 0: no limit.
  public var cpuMilli: UInt32 { cpus.map { UInt32(($0 * 1000).rounded()) } ?? 0 }

  /// Of numbers of which 0 is no limit; nil when all of them are.
  package init?(memory: UInt64, cpuMilli: UInt32, processes: UInt32) {
    guard memory > 0 || cpuMilli > 0 || processes > 0 else { return nil }
    self.init(
      memory: memory > 0 ? SizeText(bytes: Int64(clamping: memory)) : nil,
      cpus: cpuMilli > 0 ? Double(cpuMilli) / 1000 : nil, processes: processes > 0 ? Int64(processes) : nil)
  }
}

extension JobLimits: StrictBody {
  package static let members: BodyMembers = [
    "memory": "a size of 1MiB or more: \(SizeText.allowed)",
    "cpus": "a number from 0.01 to 4096",
    "processes": "a whole number from 1 to 4194304",
  ]
  /// What each may be.
  package static let leastMemory: Int64 = 1 << 20
  package static let mostCPUs = 4096.0
  package static let mostProcesses: Int64 = 1 << 22

  package static var isFirstRequired: Bool { false }

  package init() { self.init(memory: nil) }

  package mutating func read(_ member: String, from reader: inout JSONReader) throws(InvalidRequest) {
    switch member {
    case "memory": memory = try reader.text(SizeText.init, orInteger: { $0 < 0 ? nil : SizeText(bytes: $0) })
    case "cpus": cpus = try reader.number()
    default: processes = try reader.integer()
    }
  }

  public func validate() throws(InvalidRequest) {
    if let memory, memory.bytes < Self.leastMemory { throw Self.mustBe("memory") }
    if let cpus, !(0.01...Self.mostCPUs).contains(cpus) { throw Self.mustBe("cpus") }
    if let processes, !(1...Self.mostProcesses).contains(processes) { throw Self.mustBe("processes") }
  }

  private static func mustBe(_ member: String) -> InvalidRequest {
    InvalidRequest(member: member, "must be \(allowed(member))")
  }
}

/// A size as the API and the command line write it: bytes, or a number and KiB, MiB, GiB or TiB. In JSON a string, or a
/// number of bytes.
public struct SizeText: TextValue, Sendable, Equatable {
  public let bytes: Int64

  public init(bytes: Int64) { self.bytes = bytes }

  public static let allowed = Units.bytes.allowed

  /// Parses; nil for anything that is not ``allowed``.
  public init?(_ text: String) {
    guard let bytes = Units.bytes.parse(text) else { return nil }
    self.init(bytes: bytes)
  }

  public init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    let number = (try? value.decode(Int64.self)).flatMap { $0 < 0 ? nil : SizeText(bytes: $0) }
    guard let size = try number ?? SizeText(value.decode(String.self)) else {
      throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: Self.allowed))
    }
    self = size
  }

  public var description: String { Units.bytes.print(bytes) }
}

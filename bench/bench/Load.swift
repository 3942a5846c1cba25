import FoundationEssentials

/// A distribution as the load generator prints it.
struct Latency: Decodable {
  var count: Int
  var p50, p99, most: Double
  /// Microseconds and the share of all that did not take longer.
  var points: [[Double]]

  enum CodingKeys: String, CodingKey {
    case count, points
    case p50 = "p50_us"
    case p99 = "p99_us"
    case most = "max_us"
  }
}

/// What the load generator prints.
struct Load: Decodable {
  var seconds: Double
  var done: Int
  var bytes: Int
  var rate: Double
  /// Of each server process, in seconds, and of its children that ended.
  var cpu, children: [Double]
  var latency: Latency
  var create, wait, output, delete, job: Latency?

  enum CodingKeys: String, CodingKey {
    case seconds, done, bytes, cpu, latency, create, wait, output, delete, job
    case rate = "per_second"
    case children = "children_cpu"
  }

  var serverCPU: Double { cpu.reduce(0, +) }
  /// Requests a CPU second of the server.
  var perCPU: Double { Double(done) / serverCPU }
}

struct BareJobs: Decodable {
  var done: Int
  var rate, cpu, children: Double
  enum CodingKeys: String, CodingKey {
    case done, cpu
    case rate = "per_second"
    case children = "children_cpu"
  }

  /// Microseconds of CPU.
  var costOfJob: Double { (cpu + children) / Double(done) * 1e6 }
}

struct BareDrain: Decodable {
  /// Bytes a second until all is written.
  var rate: Double
  /// CPU seconds of who reads and writes them again.
  var cpu: Double
  enum CodingKeys: String, CodingKey {
    case cpu
    case rate = "per_second"
  }
}

func decode<Value: Decodable>(_ type: Value.Type, _ text: String, of program: String) throws -> Value {
  do {
    return try JSONDecoder().decode(type, from: Data(text.utf8))
  } catch {
    throw BenchFailure("\(program) printed \(text.prefix(200)): \(error)")
  }
}

import Glibc
import JobPool

// In-process jobs, so many in flight, for so long: each is created, waited for, its output read, and deleted. Prints one
// JSON line, as the bare loop does.

func seconds(_ who: __rusage_who) -> Double {
  var usage = rusage()
  getrusage(who.rawValue, &usage)
  let (user, system) = (usage.ru_utime, usage.ru_stime)
  return Double(user.tv_sec + system.tv_sec) + Double(user.tv_usec + system.tv_usec) / 1e6
}

func now() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

func run(_ pool: JobPool, inFlight: Int, until: Double) throws -> Int {
  var running: [JobID] = []
  var done = 0
  while now() < until || !running.isEmpty {
    while running.count < inFlight && now() < until { running.append(try pool.create("/bin/true")) }
    let id = running.removeFirst()
    let status = try pool.wait(id)
    let output = try pool.output(id)
    guard status.exitCode == 0, output.stdout.isEmpty, output.stderr.isEmpty else {
      fatalError("/bin/true ended with \(status)")
    }
    try pool.delete(id)
    done += 1
  }
  return done
}

let arguments = CommandLine.arguments
guard arguments.count == 5, let inFlight = Int(arguments[2]), let span = Double(arguments[3]) else {
  fatalError("usage: pool lazy|eager IN_FLIGHT SECONDS DIRECTORY")
}

/// Releases the pool, which one in a global variable would not be.
func measure() throws {
  let pool = try JobPool(directory: arguments[4], evaluation: arguments[1] == "eager" ? .eager : .lazy)
  let start = now()
  let done = try run(pool, inFlight: inFlight, until: start + span)
  let wall = now() - start
  print(
    """
    {"done":\(done),"seconds":\(wall),"per_second":\(Double(done) / wall),"cpu":\(seconds(RUSAGE_SELF)),\
    "children_cpu":\(seconds(RUSAGE_CHILDREN))}
    """)
}

try measure()

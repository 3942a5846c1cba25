import JobAPI

/// What a job is to do and what must be seen of it: all of it follows from a few numbers.
struct Plan {
  enum Kind: String {
    /// A line on each stream.
    case quick
    /// `size` lines on each stream, over some time.
    case paced
    /// `size` lines at once.
    case bulk
    /// Copies `size` bytes of standard input.
    case fed
    /// The same with `size` lines that come with its creation.
    case given
    /// Runs until TERM or USR1, then says so.
    case waiting
    /// The same, with a time limit of `size` milliseconds.
    case timed
    /// Computes for 300 ms of CPU time, then sleeps for `size` tenths of a second.
    case burning
    /// A command that does not exist.
    case missing
  }

  let thread, number: Int
  let kind: Kind
  let size: Int
  /// The exit code it must have.
  let code: Int32

  /// Names the job outside of jobd.
  var tag: String { "\(thread)-\(number)" }

  /// Arguments: file of launches, tag, kind, exit code, size.
  static let script = """
    echo "$2" >>"$1"
    case $3 in
    quick) echo "out $2"; echo "err $2" >&2 ;;
    paced)
      i=0
      while [ $i -lt $5 ]; do
        echo "out $2 $i"; echo "err $2 $i" >&2
        sleep 0.0$((i % 4)); i=$((i + 1))
      done ;;
    bulk) seq 1 $5; echo "err $2" >&2 ;;
    fed | given) cat ;;
    burning)
      # proc_pid_stat(5): user and system time are the 14th and 15th number, in hundredths of a second.
      user=0; system=0
      until [ $((user + system)) -ge 30 ]; do
        i=0; while [ $i -lt 2000 ]; do i=$((i + 1)); done
        read -r x x x x x x x x x x x x x user system x </proc/$$/stat
      done
      echo "burnt $2"
      sleep $(($5 / 10)).$(($5 % 10)) ;;
    waiting | timed)
      trap 'trap "" TERM USR1; echo "trapped $2"; exit $4' TERM USR1
      # What the shell says of a child that was ended is not of interest.
      exec 2>/dev/null
      echo "ready $2"
      while :; do sleep 0.05; done ;;
    esac
    exit $4
    """

  var stdout: [UInt8] {
    switch kind {
    case .quick: Array("out \(tag)\n".utf8)
    case .paced: Array((0..<size).map { "out \(tag) \($0)\n" }.joined().utf8)
    case .bulk, .given: numbers
    case .fed: input
    case .waiting, .timed: Array("ready \(tag)\ntrapped \(tag)\n".utf8)
    case .burning: Array("burnt \(tag)\n".utf8)
    case .missing: []
    }
  }

  var stderr: [UInt8] {
    switch kind {
    case .quick, .bulk: Array("err \(tag)\n".utf8)
    case .paced: Array((0..<size).map { "err \(tag) \($0)\n" }.joined().utf8)
    case .fed, .given, .waiting, .timed, .burning, .missing: []
    }
  }

  /// Microseconds that it runs for, and of CPU time that it uses, at least.
  var leastTime: Int64 {
    switch kind {
    case .timed: Int64(size) * 1000
    case .burning: 300_000 + Int64(size) * 100_000
    default: 0
    }
  }
  var leastProcessorTime: Int64 { kind == .burning ? 200_000 : 1 }

  /// As `seq 1 size` prints them.
  private var numbers: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(size * 7)
    for number in 1...size {
      bytes.append(contentsOf: String(number).utf8)
      bytes.append(UInt8(ascii: "\n"))
    }
    return bytes
  }

  /// What it is fed: no two places of a stream look alike.
  var input: [UInt8] {
    [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      var mixed = UInt64(thread) << 32 | UInt64(number)
      for index in 0..<size {
        mixed = mixed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        buffer[index] = UInt8(truncatingIfNeeded: mixed >> 56)
      }
      count = size
    }
  }

  func arguments(_ context: Context) -> [String] {
    [context.script, context.launches(thread), tag, kind.rawValue, "\(code)", "\(size)"]
  }

  func request(_ context: Context) -> CreateRequest {
    var request = CreateRequest(
      cmd: kind == .missing ? "/nonexistent/command" : "/bin/sh", args: arguments(context))
    request.env = [context.mark.name: context.mark.value]
    request.labels = ["tag": tag]
    if kind == .fed { request.stdinOpen = true }
    if kind == .given { request.stdin = String(decoding: numbers, as: UTF8.self) }
    if kind == .timed { request.timeout = DurationText(milliseconds: Int64(size)) }
    return request
  }
}

import Glibc

/// Threads that run one closure each.
enum Threads {
  private final class Work {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  struct CannotStart: Error, CustomStringConvertible {
    let code: Int32
    var description: String { "cannot start a thread: \(String(cString: strerror(code)))" }
  }

  /// Starts a thread that is not waited for: the end of the process ends it.
  static func detach(_ body: @escaping @Sendable () -> Void) throws(CannotStart) {
    pthread_detach(try start(body))
  }

  /// Runs `body` in `count` threads, and returns when all have returned.
  static func run(_ count: Int, _ body: @escaping @Sendable () -> Void) throws(CannotStart) {
    var threads: [pthread_t] = []
    defer { for thread in threads { pthread_join(thread, nil) } }
    for _ in 0..<count { threads.append(try start(body)) }
  }

  private static func start(_ body: @escaping @Sendable () -> Void) throws(CannotStart) -> pthread_t {
    var thread = pthread_t()
    let work = Unmanaged.passRetained(Work(body))
    let code = pthread_create(
      &thread, nil,
      { context in
        Unmanaged<Work>.fromOpaque(context!).takeRetainedValue().body()
        return nil
      }, work.toOpaque())
    guard code == 0 else {
      work.release()
      throw CannotStart(code: code)
    }
    return thread
  }
}

import CPlatform
import Glibc

/// A thread of the system that runs one closure.
package enum SystemThread {
  private final class Start {
    let name: String?
    let body: @Sendable () -> Void
    init(_ name: String?, _ body: @escaping @Sendable () -> Void) {
      self.name = name
      self.body = body
    }
  }

  /// Starts a thread called `name` with all signals blocked: signals are the main thread's. With `takesSignals` those of
  /// the caller stay as they are: one that blocks SIGTTIN is not stopped but fails when it reads from the terminal of
  /// another job of the shell.
  package static func start(
    _ name: String? = nil, takesSignals: Bool = false, _ body: @escaping @Sendable () -> Void
  ) throws(SystemError) -> pthread_t {
    var blocked = sigset_t()
    var before = sigset_t()
    if takesSignals { sigemptyset(&blocked) } else { sigfillset(&blocked) }
    pthread_sigmask(SIG_BLOCK, &blocked, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    let start = Unmanaged.passRetained(Start(name, body))
    var thread = pthread_t()
    let status = pthread_create(
      &thread, nil,
      { context in
        let start = Unmanaged<Start>.fromOpaque(context!).takeRetainedValue()
        if let name = start.name { jp_name_thread(name) }
        start.body()
        return nil
      }, start.toOpaque())
    guard status == 0 else {
      start.release()
      throw SystemError(status, name.map { "start the thread \($0)" } ?? "start a thread")
    }
    return thread
  }

  /// Names the calling thread; the first one's name is that of the process.
  package static func nameCaller(_ name: String) { jp_name_thread(name) }

  /// Starts one that is not waited for: the end of the process ends it.
  package static func detach(_ body: @escaping @Sendable () -> Void) throws(SystemError) {
    pthread_detach(try start(takesSignals: true, body))
  }

  /// Runs `body` in `count` threads, and returns when all have returned.
  package static func run(_ count: Int, _ body: @escaping @Sendable () -> Void) throws(SystemError) {
    var threads: [pthread_t] = []
    defer { for thread in threads { pthread_join(thread, nil) } }
    for _ in 0..<count { threads.append(try start(takesSignals: true, body)) }
  }
}

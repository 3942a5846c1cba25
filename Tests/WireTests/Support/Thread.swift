import Glibc

/// A thread of a test's own, joined by the test.
final class Thread {
  private var thread: pthread_t = 0

  private final class Body {
    let run: () -> Void
    init(_ run: @escaping () -> Void) { self.run = run }
  }

  init(_ body: @escaping @Sendable () -> Void) {
    let box = Unmanaged.passRetained(Body(body)).toOpaque()
    let status = pthread_create(
      &thread, nil,
      {
        Unmanaged<Body>.fromOpaque($0!).takeRetainedValue().run()
        return nil
      }, box)
    precondition(status == 0)
  }

  func join() { pthread_join(thread, nil) }
}

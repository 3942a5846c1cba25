import Glibc

/// A thread that is joined by whoever started it.
package final class Thread {
  private var thread: pthread_t = 0

  private final class Body {
    let run: () -> Void
    init(_ run: @escaping () -> Void) { self.run = run }
  }

  package init(_ body: @escaping @Sendable () -> Void) {
    let box = Unmanaged.passRetained(Body(body)).toOpaque()
    let status = pthread_create(
      &thread, nil,
      {
        Unmanaged<Body>.fromOpaque($0!).takeRetainedValue().run()
        return nil
      }, box)
    precondition(status == 0)
  }

  package func join() { pthread_join(thread, nil) }
}

import CJobLoop
import Platform

/// An event loop, run by one thread. All but ``post(_:)`` and ``stop()`` is called on that thread, or before it runs.
package final class EventLoop: @unchecked Sendable {
  // Set once in init; the C side locks what other threads may call.
  package let handle: OpaquePointer
  // The loop's thread only.
  private var roundEnd: LoopAction?

  package init() throws(SystemError) {
    var made: OpaquePointer?
    try SystemError.check(jc_loop_new(&made), "make an event loop")
    handle = made!
  }

  deinit { jc_loop_free(handle) }

  /// Readable when something was posted that has not been called yet.
  package var wakeDescriptor: Int32 { jc_loop_wake_fd(handle) }

  /// Runs until ``stop()``.
  package func run() throws(SystemError) {
    try SystemError.check(jc_loop_run(handle), "run the event loop")
  }

  /// Handles what is ready; `wait` waits for one round of events first.
  package func step(wait: Bool) throws(SystemError) {
    try SystemError.check(jc_loop_step(handle, wait), "run the event loop")
  }

  /// Calls `action` at the end of each round of events that called anything else; one for each loop.
  package func afterRound(_ action: @escaping () -> Void) {
    roundEnd = LoopAction(action)
    let context = Unmanaged.passUnretained(roundEnd!).toOpaque()
    jc_loop_after_round(
      handle, { Unmanaged<LoopAction>.fromOpaque($0!).takeUnretainedValue().call() }, context)
  }

  /// Ends ``run()``. Any thread.
  package func stop() { jc_loop_stop(handle) }

  /// Calls `work` once on the loop's thread, in the order of posting. Any thread.
  package func post(_ work: @escaping @Sendable () -> Void) {
    let box = Unmanaged.passRetained(LoopAction(work))
    let status = jc_loop_post(
      handle, { Unmanaged<LoopAction>.fromOpaque($0!).takeRetainedValue().call() }, box.toOpaque())
    precondition(status == 0, "out of memory")
  }
}

/// What a callback of the C core calls, as its context.
package final class LoopAction {
  package let call: () -> Void
  package init(_ call: @escaping () -> Void) { self.call = call }
}

/// A timer that fires once each time it is started. Loop's thread only; released from anywhere on it, also from
/// inside its own callback.
package final class LoopTimer {
  private var timer: OpaquePointer?
  private let action: () -> Void

  package init(_ loop: EventLoop, _ action: @escaping () -> Void) throws(SystemError) {
    self.action = action
    let context = Unmanaged.passUnretained(self).toOpaque()
    try SystemError.check(jc_timer_new(loop.handle, { LoopTimer.fire($0) }, context, &timer), "make a timer")
  }

  deinit { jc_timer_free(timer) }

  private static func fire(_ context: UnsafeMutableRawPointer?) {
    Unmanaged<LoopTimer>.fromOpaque(context!).takeUnretainedValue().action()
  }

  /// Fires after `milliseconds`; a started timer begins anew.
  package func start(milliseconds: UInt64) {
    guard let timer else { return }
    let status = jc_timer_start(timer, milliseconds)
    precondition(status == 0, "out of memory")
  }

  package func stop() {
    if let timer { jc_timer_stop(timer) }
  }
}

/// Calls its action on the loop's thread when the process gets a signal, or whenever a descriptor is readable, which
/// stays the caller's.
package final class LoopWatcher {
  private var watcher: OpaquePointer?
  private let action: () -> Void

  package init(_ loop: EventLoop, signal: Int32, _ action: @escaping () -> Void) throws(SystemError) {
    self.action = action
    let status = jc_signal_new(loop.handle, signal, Self.call, context, &watcher)
    guard status == 0 else { throw SystemError(status, "watch signal \(signal)") }
  }

  package init(_ loop: EventLoop, descriptor: Int32, _ action: @escaping () -> Void) throws(SystemError) {
    self.action = action
    let status = jc_readable_new(loop.handle, descriptor, Self.call, context, &watcher)
    guard status == 0 else { throw SystemError(status, "watch a descriptor") }
  }

  private var context: UnsafeMutableRawPointer { Unmanaged.passUnretained(self).toOpaque() }
  private static let call: jc_callback = {
    Unmanaged<LoopWatcher>.fromOpaque($0!).takeUnretainedValue().action()
  }

  deinit { jc_watcher_free(watcher) }
}

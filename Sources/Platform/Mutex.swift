import Glibc

/// A value that one thread at a time may touch. Like that of the module Synchronization, whose lock ThreadSanitizer
/// does not know on Linux: it would see a race in every use.
public final class Mutex<Value>: @unchecked Sendable {
  // `value` is only touched with `lock` held. Its own memory, not a property: that would be watched for overlapping
  // accesses, which the lock rules out, in each request.
  @usableFromInline let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  @usableFromInline let value = UnsafeMutablePointer<Value>.allocate(capacity: 1)

  public init(_ value: sending Value) {
    self.value.initialize(to: value)
    pthread_mutex_init(lock, nil)
  }

  deinit {
    pthread_mutex_destroy(lock)
    lock.deallocate()
    value.deinitialize(count: 1)
    value.deallocate()
  }

  // Public, since what is the package's alone is not inlined: it is to be compiled for each value in the modules that
  // use it, and a generic call costs as much again.
  @inlinable
  public func withLock<Result, Failure>(_ body: (inout Value) throws(Failure) -> Result) throws(Failure)
    -> Result
  {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    return try body(&value.pointee)
  }
}

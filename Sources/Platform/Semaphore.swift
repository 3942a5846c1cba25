import CPlatform
import Glibc

/// One thread waits for another.
package final class Semaphore: @unchecked Sendable {
  // Its own memory, which no lock of the language guards: sem_post(3) may be called from any thread.
  private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

  package init() { sem_init(semaphore, 0, 0) }

  deinit {
    sem_destroy(semaphore)
    semaphore.deallocate()
  }

  package func post() { sem_post(semaphore) }
  /// False: that time passed without.
  package func wait(milliseconds: Int64) -> Bool {
    jp_wait_until(semaphore, Clock.monotonic() + milliseconds * 1000) == 0
  }

  package func wait() { while sem_wait(semaphore) != 0 && errno == EINTR {} }
}

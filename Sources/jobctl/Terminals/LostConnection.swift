import Glibc
import Platform

/// Tells who sits at the terminal that the connection is lost, unless it is back in a moment; and that it is back.
final class LostConnection: Sendable {
  private struct State {
    /// Losses so far, and the last that was told.
    var losses = 0
    var told = 0
    var isLost = false
  }

  private let state = Mutex(State())
  private let say: @Sendable (String) -> Void
  /// Microseconds.
  private static let moment: UInt32 = 2_000_000

  init(_ say: @escaping @Sendable (String) -> Void) { self.say = say }

  /// Also in the first moment, in which it is not told.
  var isLost: Bool { state.withLock { $0.isLost } }

  func lost() {
    let number = state.withLock { state in
      state.losses += 1
      state.isLost = true
      return state.losses
    }
    // Where there is no thread nothing is told.
    try? SystemThread.detach { [self] in
      usleep(Self.moment)
      state.withLock { state in
        guard state.isLost, state.losses == number else { return }
        state.told = number
        say("[jobctl: connection lost, trying again...]")
      }
    }
  }

  func isBack() {
    state.withLock { state in
      state.isLost = false
      if state.told == state.losses { say("[jobctl: connected again]") }
    }
  }
}

import JobAPI

extension EndedBy {
  /// By the numbers that stand for them in messages and in the store, where 0 is none.
  private static let coded: [EndedBy] = [
    .exit, .signal, .timeout, .stop, .outputLimit, .memory, .shutdown, .lost,
  ]

  package static func code(of end: EndedBy?) -> UInt8 {
    end.map { UInt8(coded.firstIndex(of: $0)! + 1) } ?? 0
  }

  package static func of(code: UInt8) throws(MalformedBytes) -> EndedBy? {
    guard code <= coded.count else { throw MalformedBytes() }
    return code == 0 ? nil : coded[Int(code) - 1]
  }
}

extension JobRecord {
  /// Somebody wants its end: the first who does counts. `client` nil: the daemon stops.
  package mutating func noteStop(by client: String?, at time: Int64) {
    guard endedBy == nil else { return }
    endedBy = client == nil ? .shutdown : .stop
    // The clock may have been set back.
    (stopper, stopAsked) = (client, max(time, created))
  }

  /// It ended having run: says what ended it, as ``EndedBy`` defines it. `cause`: what the engine did to end it. Its time
  /// limit ends none that was told to end before; the other limits may be reached during a stop's grace.
  package mutating func end(by cause: EndedBy?) {
    let isStopped = endedBy != nil && stopAsked <= finished
    guard cause == .timeout || !isStopped else { return }
    (stopper, stopAsked) = (nil, 0)
    endedBy = cause ?? (signal != 0 ? .signal : .exit)
  }

  /// Who asked for its end, once that is what ended it.
  package var stoppedBy: StoppedBy? {
    guard state != .running, stopAsked != 0 else { return nil }
    return StoppedBy(client: stopper, time: TimeText.text(stopAsked))
  }
}

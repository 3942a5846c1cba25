import CJobLoop
import Glibc
import Testing

import class Harness.Thread

/// The event loop, its timers and watches, driven from the test's thread.
struct LoopTests {
  final class Log {
    var entries: [Int] = []
    var loop: OpaquePointer?
    var timer: OpaquePointer?
    var stopAt = 1

    static func of(_ context: UnsafeMutableRawPointer?) -> Log {
      Unmanaged<Log>.fromOpaque(context!).takeUnretainedValue()
    }
    var pointer: UnsafeMutableRawPointer { Unmanaged.passUnretained(self).toOpaque() }
  }

  private func withLoop(_ body: (OpaquePointer, Log) -> Void) throws {
    var loop: OpaquePointer?
    try #require(jc_loop_new(&loop) == 0)
    let log = Log()
    log.loop = loop
    body(loop!, log)
    jc_loop_free(loop)
  }

  @Test func postsRunInOrderAndOnce() throws {
    try withLoop { loop, log in
      for _ in 0..<3 {
        #expect(jc_loop_post(loop, { Log.of($0).entries.append(Log.of($0).entries.count) }, log.pointer) == 0)
      }
      #expect(log.entries.isEmpty)
      #expect(jc_loop_step(loop, true) == 0)
      #expect(jc_loop_step(loop, false) == 0)
      #expect(log.entries == [0, 1, 2])
    }
  }

  @Test func postsFromOtherThreadsWakeTheLoop() throws {
    try withLoop { loop, log in
      log.stopAt = 4000
      let threads = (0..<4).map { _ in
        Thread {
          [pointer = UncheckedPointer(log.pointer), loop = UncheckedPointer(UnsafeMutableRawPointer(loop))] in
          for _ in 0..<1000 {
            _ = jc_loop_post(
              OpaquePointer(loop.value),
              {
                let log = Log.of($0)
                log.entries.append(1)
                if log.entries.count == log.stopAt { jc_loop_stop(log.loop!) }
              }, pointer.value)
          }
        }
      }
      #expect(jc_loop_run(loop) == 0)
      for thread in threads { thread.join() }
      #expect(log.entries.count == 4000)
    }
  }

  @Test func postsThatDidNotRunAreRunWhenTheLoopIsFreed() throws {
    let log = Log()
    try withLoop { loop, _ in
      #expect(jc_loop_post(loop, { Log.of($0).entries.append(1) }, log.pointer) == 0)
    }
    #expect(log.entries == [1])
  }

  @Test func theHookComesAfterTheRoundsCallbacks() throws {
    try withLoop { loop, log in
      jc_loop_after_round(loop, { Log.of($0).entries.append(100) }, log.pointer)
      for _ in 0..<2 { #expect(jc_loop_post(loop, { Log.of($0).entries.append(1) }, log.pointer) == 0) }
      #expect(jc_loop_step(loop, true) == 0)
      #expect(Array(log.entries.prefix(3)) == [1, 1, 100])
      jc_loop_after_round(loop, nil, nil)
      let count = log.entries.count
      #expect(jc_loop_step(loop, false) == 0)
      #expect(log.entries.count == count)
    }
  }

  @Test func aTimerFiresOnceAndMayFreeItself() throws {
    try withLoop { loop, log in
      let fire: jc_callback = {
        let log = Log.of($0)
        log.entries.append(1)
        jc_timer_free(log.timer)
        log.timer = nil
        jc_loop_stop(log.loop!)
      }
      #expect(jc_timer_new(loop, fire, log.pointer, &log.timer) == 0)
      #expect(jc_timer_start(log.timer!, 60_000) == 0)
      #expect(jc_timer_start(log.timer!, 1) == 0)
      #expect(jc_loop_run(loop) == 0)
      #expect(log.entries == [1] && log.timer == nil)
    }
  }

  @Test func aStoppedTimerDoesNotFire() throws {
    try withLoop { loop, log in
      var other: OpaquePointer?
      #expect(jc_timer_new(loop, { Log.of($0).entries.append(1) }, log.pointer, &log.timer) == 0)
      #expect(jc_timer_new(loop, { jc_loop_stop(Log.of($0).loop!) }, log.pointer, &other) == 0)
      #expect(jc_timer_start(log.timer!, 1) == 0)
      jc_timer_stop(log.timer!)
      #expect(jc_timer_start(other!, 20) == 0)
      #expect(jc_loop_run(loop) == 0)
      #expect(log.entries.isEmpty)
      jc_timer_free(log.timer)
      jc_timer_free(other)
    }
  }

  @Test func aTimerMayFireWithoutItsTime() throws {
    try withLoop { loop, log in
      #expect(jc_timer_new(loop, { Log.of($0).entries.append(1) }, log.pointer, &log.timer) == 0)
      for isStarted in [false, true] {
        if isStarted { #expect(jc_timer_start(log.timer!, 60_000) == 0) }
        jc_timer_fire(log.timer!)
        #expect(jc_loop_step(loop, false) == 0)
      }
      #expect(log.entries == [1, 1])
      jc_timer_fire(log.timer!)
      jc_timer_stop(log.timer!)
      #expect(jc_loop_step(loop, false) == 0)
      #expect(log.entries == [1, 1])
      jc_timer_free(log.timer)
    }
  }

  @Test func aReadableDescriptorIsTold() throws {
    try withLoop { loop, log in
      var ends: [Int32] = [0, 0]
      #expect(pipe(&ends) == 0)
      var readable: OpaquePointer?
      #expect(jc_readable_new(loop, ends[0], { Log.of($0).entries.append(1) }, log.pointer, &readable) == 0)
      #expect(jc_loop_step(loop, false) == 0)
      #expect(log.entries.isEmpty)
      #expect(write(ends[1], "x", 1) == 1)
      // Level-triggered: told of again until it is read.
      #expect(jc_loop_step(loop, true) == 0)
      #expect(jc_loop_step(loop, true) == 0)
      #expect(log.entries == [1, 1])
      jc_watcher_free(readable)
      #expect(jc_loop_step(loop, false) == 0)
      #expect(log.entries == [1, 1])
      for end in ends { close(end) }
    }
  }

  @Test func aStopBeforeTheRunEndsIt() throws {
    try withLoop { loop, _ in
      jc_loop_stop(loop)
      #expect(jc_loop_run(loop) == 0)
    }
  }
}

import Glibc
import Testing

@testable import Platform

/// Runs `work` on a thread that has a user's and a group's rights to files, and none of root's (setfsuid(2)).
func asUser<Value: Sendable>(
  _ user: uid_t, group: gid_t, _ work: @escaping @Sendable () throws -> Value
) throws -> Value {
  typealias SetID = @convention(c) (UInt32) -> Int32
  let setUser = unsafeBitCast(try #require(dlsym(nil, "setfsuid")), to: SetID.self)
  let setGroup = unsafeBitCast(try #require(dlsym(nil, "setfsgid")), to: SetID.self)
  let result = Mutex<Result<Value, any Error>?>(nil)
  let thread = try SystemThread.start("other user") {
    _ = setGroup(group)
    _ = setUser(user)
    let value = Result { try work() }
    result.withLock { $0 = value }
  }
  pthread_join(thread, nil)
  return try #require(result.withLock { $0 }).get()
}

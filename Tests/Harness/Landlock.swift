import Glibc

/// Whether the kernel, and whatever this process runs in, lets processes bound what they may read (landlock(7)).
package enum Landlock {
  package static let isThere: Bool = {
    typealias Call = @convention(c) (Int, Int, Int, Int) -> Int
    let (createRuleset, version) = (444, 1)
    return unsafeBitCast(dlsym(nil, "syscall"), to: Call.self)(createRuleset, 0, 0, version) > 0
  }()
}

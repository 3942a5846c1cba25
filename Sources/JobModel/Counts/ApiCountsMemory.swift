import CPlatform
import Glibc
import Platform

/// Memory for what the api process counts, which the supervisor keeps from one of them to the next.
package enum ApiCountsMemory {
  /// Cells of one worker: those of its server come first. Whole pages, so that no two workers share a cache line.
  package static let ofWorker = 1024

  /// A descriptor of memory for so many workers, which none of those who get it can ruin for the next. `handed`: a
  /// predecessor's, which is taken if it is large enough and can be written, and closed if not.
  package static func make(workers: Int, handed: Int32? = nil) throws(SystemError) -> Int32 {
    if let handed {
      var info = stat()
      let isEnough = fstat(handed, &info) == 0 && Int(info.st_size) >= workers * ofWorker * 8
      guard !isEnough || jp_counts_fix(handed) < 0 else { return handed }
      close(handed)
    }
    let descriptor = jp_counts_new("jobd api counters", workers * ofWorker)
    guard descriptor >= 0 else { throw SystemError(descriptor, "make memory for counters") }
    try SystemError.check(jp_counts_fix(descriptor), "seal the memory for counters")
    return descriptor
  }
}

// modules: Platform JobAPI
import JobAPI

/// The bodies of all requests that have one.
@_cdecl("LLVMFuzzerTestOneInput") public func read(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let body = UnsafeRawBufferPointer(start: start, count: count)
  if let request = try? CreateRequest(strictJSON: body) { precondition(!request.cmd.isEmpty) }
  if let batch = try? BatchAttempt<RunRequest>(strictJSON: body) { precondition(!batch.jobs.isEmpty) }
  _ = try? SignalRequest(strictJSON: body)
  _ = try? StopRequest(strictJSON: body)
  return 0
}

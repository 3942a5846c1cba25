import Glibc
import JobAPI
import JobModel
import Platform

/// A stream's file, open for reading. Worker's thread only.
final class OutputFile {
  let descriptor: Int32

  /// In a directory of all output. Nil when there is none: nothing was written yet.
  init?(_ directory: Int32, _ id: JobID, _ suffix: String) throws(SystemError) {
    descriptor = openat(directory, JobRecord.outputName(of: id) + suffix, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor < 0 else { return }
    // Where the umask takes the group's right, a file that is just made is given it before anything is written.
    guard errno == ENOENT || errno == EACCES else { throw SystemError(errno, "open the job's output") }
    return nil
  }

  deinit { close(descriptor) }

  /// Bytes in a job's file now; 0 when there is none.
  static func size(_ directory: Int32, _ id: JobID, _ suffix: String) -> UInt64 {
    var status = stat()
    let name = JobRecord.outputName(of: id) + suffix
    return fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 ? UInt64(status.st_size) : 0
  }

  /// Bytes in it now.
  var size: UInt64 {
    var status = stat()
    return fstat(descriptor, &status) == 0 ? UInt64(status.st_size) : 0
  }

  /// A descriptor of the same file for a reply, which closes it; negative on failure.
  func duplicate() throws(SystemError) -> Int32 {
    let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
    guard copy >= 0 else { throw SystemError(errno, "open the job's output again") }
    return copy
  }

  /// Up to `count` bytes from `offset` on; fewer at the end of the file.
  func read(_ count: Int, at offset: UInt64) throws(SystemError) -> [UInt8] {
    var failure: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      let got = pread(descriptor, buffer.baseAddress!, count, off_t(offset))
      if got < 0 { failure = errno }
      filled = max(0, got)
    }
    guard failure == 0 else { throw SystemError(failure, "read the job's output") }
    return bytes
  }
}

/// A file of output is shorter than the job's record says, or gone: somebody else's doing, or a damaged disk.
struct MissingOutput: Error, CustomStringConvertible {
  let stream: OutputStream
  let count: UInt64

  var description: String { "\(count) bytes of this job's \(stream.rawValue) are missing" }
}

extension ApiContext {
  /// The stream's file, if it has one; throws ``MissingOutput`` when there is less in it than a job that has ended
  /// wrote.
  func wholeOutput(_ record: JobRecord, _ stream: OutputStream) throws -> OutputFile? {
    let file = try OutputFile(output, record.id, stream.suffix)
    let kept = record.state == .running ? 0 : stream == .stdout ? record.stdout.kept : record.stderr.kept
    let size = kept == 0 ? 0 : file?.size ?? 0
    guard size >= kept else { throw MissingOutput(stream: stream, count: kept - size) }
    return file
  }
}

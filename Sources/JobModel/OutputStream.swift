import JobAPI

extension OutputStream {
  /// Its number in the C core and in the log index.
  package var index: UInt8 { self == .stdout ? 0 : 1 }
  /// What its file's name ends with.
  package var suffix: String { self == .stdout ? ".stdout" : ".stderr" }
}

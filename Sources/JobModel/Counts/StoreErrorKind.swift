/// Why the store could not do what was asked, as it is counted.
package enum StoreErrorKind: String, Sendable, CaseIterable {
  /// No room on the disk, or a quota or file-size limit is reached.
  case full
  case readOnly = "read_only"
  case inputOutput = "input_output"
  case outOfMemory = "out_of_memory"
  /// The file is not a database, or a garbled one.
  case damaged
  /// The file was written by a newer jobd.
  case newer
  /// Another process uses the state directory.
  case inUse = "in_use"
  case other
}

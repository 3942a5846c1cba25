import Glibc
import Testing

@testable import Platform

func write(_ text: String, to path: String) throws {
  let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
  defer { close(file) }
  let bytes = Array(text.utf8)
  try #require(write(file, bytes, bytes.count) == bytes.count)
}

/// What a command writes, found in PATH.
func run(_ arguments: [String], in scratch: ScratchDirectory) throws -> String {
  let path = "\(scratch.path)/output"
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  defer { posix_spawn_file_actions_destroy(&actions) }
  posix_spawn_file_actions_addopen(&actions, 1, path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
  posix_spawn_file_actions_adddup2(&actions, 1, 2)
  var pid: pid_t = 0
  var arguments = arguments.map { strdup($0) } + [nil]
  defer { for argument in arguments { free(argument) } }
  try #require(posix_spawnp(&pid, arguments[0]!, &actions, nil, &arguments, environ) == 0)
  var status: Int32 = 0
  while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
  let file = open(path, O_RDONLY)
  defer { close(file) }
  return String(decoding: SmallFile.read(file, most: 1 << 20), as: UTF8.self)
}

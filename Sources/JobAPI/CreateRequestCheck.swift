import FoundationEssentials

extension CreateRequest: StrictBody {
  package static let members: BodyMembers = [
    "cmd": "a string that is not empty",
    "args": "an array of strings",
    "env": "an object of strings",
    "secret_env": "an object of strings",
    "cwd": "an absolute path",
    "stdin": "a string",
    "stdin_base64": "a string of base64",
    "stdin_open": "true or false",
    "tty": "an object with rows and columns",
    "timeout": "a duration: \(DurationText.allowed)",
    "grace": "a duration: \(DurationText.allowed)",
    "labels": "an object of strings",
    "merge": "true or false",
    "output_limit": "a number of bytes, 0 or more",
    "on_limit": "\"truncate\" or \"kill\"",
    "user": "the name of a user",
    "group": "the name of a group",
    "priority": "a whole number from -\(Limits.priority) to \(Limits.priority)",
    "queue": "a name: 1 to \(Limits.labelName) letters, digits, '-', '_', '.' or '/'",
    "queue_slots": "a whole number from 1 to \(Limits.queueSlots), beside \"queue\"",
    "limits": "an object with memory, cpus or processes",
    "runner": "a name: 1 to \(Limits.runnerName) letters, digits, '-', '_' or '.'",
  ]

  /// Most of each that a request may hold. Lengths in bytes; what exec itself limits is left to exec.
  public enum Limits {
    public static let env = 4096
    public static let labels = 64
    public static let labelName = 128
    public static let labelValue = 1024
    public static let runnerName = 128
    public static let priority: Int64 = 100
    public static let queueSlots: Int64 = 1_000_000
  }

  package init() { self.init(cmd: "") }

  package mutating func read(_ member: String, from reader: inout JSONReader) throws(InvalidRequest) {
    switch member {
    case "cmd": cmd = try reader.text() ?? ""
    case "args": args = try reader.texts() ?? []
    case "env": env = try reader.namedTexts()
    case "secret_env": secretEnv = try reader.namedTexts()
    case "cwd": cwd = try reader.text()
    case "stdin": stdin = try reader.text()
    case "stdin_base64": stdinBase64 = try reader.text()
    case "stdin_open": stdinOpen = try reader.bool()
    case "tty": tty = try reader.body(TerminalSize.self)
    case "timeout": timeout = try reader.text(DurationText.init)
    case "grace": grace = try reader.text(DurationText.init)
    case "labels": labels = try reader.namedTexts()
    case "merge": merge = try reader.bool()
    case "output_limit": outputLimit = try reader.integer()
    case "on_limit": onLimit = try reader.text(LimitAction.init(rawValue:))
    case "user": user = try reader.text()
    case "group": group = try reader.text()
    case "priority": priority = try reader.integer()
    case "queue": queue = try reader.text()
    case "queue_slots": queueSlots = try reader.integer()
    case "runner": runner = try reader.text()
    default: limits = try reader.body(JobLimits.self)
    }
  }

  public func validate() throws(InvalidRequest) {
    try require(!cmd.isEmpty, "cmd")
    try refuseNUL("cmd", cmd)
    for argument in args { try refuseNUL("args", argument) }
    if let cwd {
      try refuseNUL("cwd", cwd)
      try require(cwd.hasPrefix("/"), "cwd")
    }
    try validateEnvironment("env", env)
    try validateEnvironment("secret_env", secretEnv)
    for name in (secretEnv ?? [:]).keys where env?[name] != nil {
      throw InvalidRequest(member: "secret_env", "has the name \"\(printable(name))\", which \"env\" has too")
    }
    try validateLabels()
    try validateInput()
    if let timeout { try require(timeout.milliseconds > 0, "timeout", ", longer than 0") }
    if let outputLimit { try require(outputLimit >= 0, "output_limit") }
    try validateIdentity("user", user)
    try validateIdentity("group", group)
    try validateQueue()
    if let runner { try require(Self.isRunnerName(runner), "runner") }
  }

  /// Whether a runner can have this name.
  package static func isRunnerName(_ text: String) -> Bool { isPlainName(text, most: Limits.runnerName) }

  /// 1 to `most` letters, digits, '-', '_' or '.'.
  package static func isPlainName(_ text: String, most: Int) -> Bool {
    text.utf8.count <= most && isName(text) && !text.utf8.contains(UInt8(ascii: "/"))
  }

  private func validateQueue() throws(InvalidRequest) {
    if let priority { try require((-Limits.priority...Limits.priority).contains(priority), "priority") }
    if let queue { try require(Self.isName(queue), "queue") }
    guard let queueSlots else { return }
    try require(queue != nil && (1...Limits.queueSlots).contains(queueSlots), "queue_slots")
  }

  /// Standard input as bytes, however it was given.
  public var inputBytes: [UInt8]? {
    if let stdin { return Array(stdin.utf8) }
    return stdinBase64.flatMap { Data(base64Encoded: $0) }.map(Array.init)
  }

  private func require(_ holds: Bool, _ member: String, _ also: String = "") throws(InvalidRequest) {
    if !holds { throw InvalidRequest(member: member, "must be \(Self.allowed(member))\(also)") }
  }

  private func refuseNUL(_ member: String, _ text: String) throws(InvalidRequest) {
    if text.utf8.contains(0) { throw InvalidRequest(member: member, "must not hold a NUL character") }
  }

  private func validateEnvironment(_ member: String, _ env: [String: String]?) throws(InvalidRequest) {
    guard let env else { return }
    try require(env.count <= Limits.env, member, " with at most \(Limits.env) members")
    for name in env.keys where name.isEmpty || name.utf8.contains(UInt8(ascii: "=")) {
      throw InvalidRequest(member: member, "has a name that is empty or holds '=': \"\(printable(name))\"")
    }
    for (name, value) in env {
      try refuseNUL(member, name)
      try refuseNUL(member, value)
    }
  }

  private func validateLabels() throws(InvalidRequest) {
    guard let labels else { return }
    try require(labels.count <= Limits.labels, "labels", " with at most \(Limits.labels) members")
    for (name, value) in labels {
      guard Self.isName(name) else {
        throw InvalidRequest(
          member: "labels",
          "has the name \"\(printable(name))\"; a name is 1 to \(Limits.labelName) letters, digits, '-', '_', '.' or '/'"
        )
      }
      guard value.utf8.count <= Limits.labelValue, value.utf8.allSatisfy({ $0 >= 32 && $0 != 127 }) else {
        throw InvalidRequest(
          member: "labels",
          "has a value of \"\(name)\" that is longer than \(Limits.labelValue) bytes or holds control characters"
        )
      }
    }
  }

  private static func isName(_ text: String) -> Bool {
    (1...Limits.labelName).contains(text.utf8.count) && text.utf8.allSatisfy(isNameByte)
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x2f, 0x5f: true
    default: false
    }
  }

  private func validateInput() throws(InvalidRequest) {
    let given = [stdin != nil, stdinBase64 != nil, stdinOpen == true].count { $0 }
    guard given <= 1 else {
      throw InvalidRequest("at most one of \"stdin\", \"stdin_base64\" and \"stdin_open\" may be given")
    }
    if tty != nil, given > 0 || merge == true {
      throw InvalidRequest(
        "\"tty\" excludes \"stdin\", \"stdin_base64\", \"stdin_open\" and \"merge\": a terminal is the job's input and its only output"
      )
    }
    if let stdinBase64 { try require(Data(base64Encoded: stdinBase64) != nil, "stdin_base64") }
  }

  private func validateIdentity(_ member: String, _ name: String?) throws(InvalidRequest) {
    guard let name else { return }
    try require(!name.isEmpty, member)
    try refuseNUL(member, name)
  }
}

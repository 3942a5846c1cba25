import JobAPI

/// A line of the input: its place, from 1, and its text without the newline.
struct BatchLine: Sendable, Equatable {
  let number: Int
  let text: String

  private var beginning: Unicode.Scalar? {
    text.unicodeScalars.first { $0 != " " && $0 != "\t" }
  }

  /// False for a line of blanks and for a comment.
  var isCommand: Bool { beginning != nil && beginning != "#" }
  var isObject: Bool { beginning == "{" }
}

/// What is wrong with the input, and where.
struct BatchFault: Error, CustomStringConvertible, Equatable {
  let line: Int
  let text: String
  var description: String { "line \(line): \(text)" }
}

/// A line that is not what it was when the batch was begun.
struct BatchConflict: Error, CustomStringConvertible, Equatable {
  let line: Int
  let text: String
  var description: String { "line \(line): \(text)" }
}

/// What a line asks for: a command, or an object with the members of a creation. What the options say holds for all of them.
struct BatchForm: Sendable {
  /// What all jobs have in common; its command is nobody's.
  private let common: CreateRequest
  private let usesShell, hasOwnQueue: Bool
  /// The label that all jobs of a batch have.
  static let label = "batch"

  /// `slots`: jobs at once, of a queue of the batch's own; nil: it has none.
  init(_ common: CreateRequest, key: String, usesShell: Bool, slots: Int?) {
    var common = common
    common.labels = (common.labels ?? [:]).merging([Self.label: key]) { $1 }
    if let slots { (common.queue, common.queueSlots) = ("batch/\(key)", Int64(slots)) }
    (self.common, self.usesShell, hasOwnQueue) = (common, usesShell, slots != nil)
  }

  /// Some measure of the bytes that a request has beside its line.
  var weight: Int { JSONBody.encode(common).count }

  func request(_ line: BatchLine) throws(BatchFault) -> CreateRequest {
    do {
      let request = line.isObject ? try object(line.text) : try command(line.text)
      try request.validate()
      return request
    } catch let error as ShellWords.Fault {
      throw BatchFault(line: line.number, text: error.text)
    } catch {
      // Here the whole body is a line.
      let text = "\(error)".replacing("the body", with: "the line", maxReplacements: 1)
      throw BatchFault(line: line.number, text: text)
    }
  }

  /// How people are told which command it is: an object may hold secrets.
  func name(_ line: BatchLine) -> String {
    guard line.isObject, let request = try? request(line) else { return Text.printable(line.text) }
    return ([request.cmd] + request.args).map(Text.quote).joined(separator: " ")
  }

  private func command(_ text: String) throws(ShellWords.Fault) -> CreateRequest {
    let words = usesShell ? ["sh", "-c", text] : try ShellWords.split(text)
    var request = common
    (request.cmd, request.args) = (words[0], Array(words.dropFirst()))
    return request
  }

  private func object(_ text: String) throws -> CreateRequest {
    var text = text
    let given = try text.withUTF8 { try CreateRequest(strictJSON: UnsafeRawBufferPointer($0)) }
    guard given.stdinOpen != true else {
      throw InvalidRequest(member: "stdin_open", "must not be true: nobody would feed it")
    }
    guard given.labels?[Self.label] == nil else {
      throw InvalidRequest(member: "labels", "has \"\(Self.label)\", which is the batch's own")
    }
    guard !hasOwnQueue || given.queue == nil else {
      throw InvalidRequest(member: "queue", "excludes -j, which is a queue of the batch's own")
    }
    return merged(given)
  }

  /// A member of a line wins over an option; of variables and labels each one by itself.
  private func merged(_ given: CreateRequest) -> CreateRequest {
    var request = common
    (request.cmd, request.args) = (given.cmd, given.args)
    let secrets = given.secretEnv ?? [:]
    let plain = (common.env ?? [:]).filter { secrets[$0.key] == nil }
    request.env = merged(common.env == nil ? nil : plain, given.env)
    request.secretEnv = merged(common.secretEnv?.filter { given.env?[$0.key] == nil }, given.secretEnv)
    request.labels = merged(common.labels, given.labels)
    (request.stdin, request.stdinBase64) = (given.stdin, given.stdinBase64)
    take(\.cwd, of: given, into: &request)
    take(\.timeout, of: given, into: &request)
    take(\.grace, of: given, into: &request)
    take(\.tty, of: given, into: &request)
    take(\.merge, of: given, into: &request)
    take(\.outputLimit, of: given, into: &request)
    take(\.onLimit, of: given, into: &request)
    take(\.user, of: given, into: &request)
    take(\.group, of: given, into: &request)
    take(\.priority, of: given, into: &request)
    take(\.limits, of: given, into: &request)
    take(\.runner, of: given, into: &request)
    if given.queue != nil { (request.queue, request.queueSlots) = (given.queue, given.queueSlots) }
    return request
  }

  private func take<Value>(
    _ member: WritableKeyPath<CreateRequest, Value?>, of given: CreateRequest,
    into request: inout CreateRequest
  ) {
    if let value = given[keyPath: member] { request[keyPath: member] = value }
  }

  private func merged(_ common: [String: String]?, _ given: [String: String]?) -> [String: String]? {
    guard let common, let given else { return given ?? common }
    return common.merging(given) { $1 }
  }
}

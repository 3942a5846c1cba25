/// What is wrong with a body that is JSON.
struct BodyFault {
  /// The least of several is told.
  let rank: Int
  let error: InvalidRequest
  /// The member that has the wrong type, if it is that.
  var mistyped: String?
}

extension JSONReader {
  /// Reads an object's members into `body`, and checks it. Nil: it is right.
  mutating func fill<Body: StrictBody>(_ body: inout Body) throws(InvalidRequest) -> BodyFault? {
    let fault = try fill(Body.members, isFirstRequired: Body.isFirstRequired) {
      name, reader throws(InvalidRequest) in
      try body.read(name, from: &reader)
    }
    if let fault { return fault }
    do throws(InvalidRequest) {
      try body.validate()
      return nil
    } catch {
      return BodyFault(rank: .max, error: error)
    }
  }

  /// The same without the checks. Not generic, which costs much at run time. `read` is given the name of a known member.
  private mutating func fill(
    _ known: BodyMembers, isFirstRequired: Bool,
    _ read: (String, inout JSONReader) throws(InvalidRequest) -> Void
  ) throws(InvalidRequest) -> BodyFault? {
    var seen = SeenMembers()
    var fault: BodyFault?
    try members { reader, name throws(InvalidRequest) in
      let place = known.place(of: name)
      guard seen.insert(name, place) else { throw Self.givenTwice(name) }
      guard let new = try reader.member(name, place, known, read) else { return }
      if fault.map({ new.rank < $0.rank }) ?? true { fault = new }
    }
    guard isFirstRequired, !seen.contains(0), fault?.rank ?? 0 >= 0 else { return fault }
    return BodyFault(
      rank: 0, error: InvalidRequest("member \"\(known.names[0])\" is missing: it must be \(known.words[0])"))
  }

  /// Reads the value of member `name`.
  private mutating func member(
    _ name: String, _ place: Int?, _ known: BodyMembers,
    _ read: (String, inout JSONReader) throws(InvalidRequest) -> Void
  ) throws(InvalidRequest) -> BodyFault? {
    guard let place else {
      try skip(try begin())
      let names = known.names.sorted().joined(separator: ", ")
      return BodyFault(
        rank: -1, error: InvalidRequest("unknown member \"\(printable(name))\"; known are \(names)"))
    }
    let words = { "member \"\(name)\" must be \(known.words[place])" }
    if isNull {
      try skip(try begin())
      return BodyFault(rank: -1, error: InvalidRequest("\(words()), not null"))
    }
    try read(name, &self)
    switch takeMismatch() {
    case nil: return nil
    case .type(let part):
      let error = InvalidRequest(words() + (part.map { "; \($0) is not" } ?? ""))
      return BodyFault(rank: place, error: error, mistyped: name)
    case .fault(let error):
      return BodyFault(rank: place, error: InvalidRequest(member: name, "is not right: \(error)"))
    }
  }
}

/// Which members of a body there were.
private struct SeenMembers {
  private var known: UInt64 = 0
  private var others: Set<String> = []

  /// False: it was there before. `place`: among those that are known.
  mutating func insert(_ name: String, _ place: Int?) -> Bool {
    guard let place else { return others.insert(name).inserted }
    defer { known |= 1 << place }
    return !contains(place)
  }

  func contains(_ place: Int) -> Bool { known & 1 << place != 0 }
}

/// What is wrong with a request's body, in words for its sender. Answered as 400.
public struct InvalidRequest: Error, Sendable, Equatable, CustomStringConvertible {
  /// The member at fault, and what is wrong with it, to be read after its name; nil: the whole body is wrong.
  public let member: String?
  public let fault: String

  public init(_ fault: String) { (member, self.fault) = (nil, fault) }
  public init(member: String, _ fault: String) { (self.member, self.fault) = (member, fault) }

  public var description: String { member.map { "member \"\($0)\" \(fault)" } ?? fault }
}

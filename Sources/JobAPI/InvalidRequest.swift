/// What is wrong with a request's body, in words for its sender. Answered as 400.
public struct InvalidRequest: Error, Sendable, Equatable, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}

import JobAPI
import JobClient
import Platform

/// The end of a job's output, for people: a few lines of both streams.
struct LastLines {
  private let client: JobClient
  private let id: JobID
  private static let lines = 5
  /// Bytes that are read of them, and columns that are shown of each.
  private static let most = 1 << 16
  private static let columns = 500

  init(_ client: JobClient, _ id: JobID) { (self.client, self.id) = (client, id) }

  /// Empty where there are none, or where they cannot be had.
  func read(_ bridge: Bridge) throws -> [String] {
    let tail = Tail()
    do {
      _ = try LogFollower(client, id, bridge, ["tail": "\(Self.lines)"]).read(follows: false, tail)
    } catch is TooMuch {
      // The rest of the reply is not read.
      client.disconnect()
    } catch ClientError.notFound {
      return []
    }
    return Self.shown(tail.bytes)
  }

  static func shown(_ bytes: [UInt8]) -> [String] {
    let text = String(decoding: bytes, as: UTF8.self)
    return text.unicodeScalars.split(separator: "\n").suffix(lines).map {
      Text.cut(Text.printable(String($0)), columns)
    }
  }

  private struct TooMuch: Error {}

  private final class Tail: LogFollower.Taker {
    var bytes: [UInt8] = []

    func take(_ piece: LogPiece) throws {
      bytes += piece.bytes.prefix(LastLines.most - bytes.count)
      if bytes.count >= LastLines.most { throw TooMuch() }
    }

    func flush() {}
  }
}

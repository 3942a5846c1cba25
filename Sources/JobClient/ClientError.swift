import CJobWire
import JobAPI

/// Why a call of the API did not succeed.
public enum ClientError: Error, CustomStringConvertible {
  /// A certificate, key or authority's file is missing or unusable.
  case files(String)
  /// The host was not found, or nobody answers there.
  case connect(String)
  /// The server's certificate is not trusted.
  case untrusted(String)
  /// The server's certificate is for another name.
  case misnamed(String)
  /// The server refused this client's certificate.
  case refused(String)
  /// The server did not go on within the time allowed.
  case timeout(String)
  /// The connection ended before the reply did.
  case closed(String)
  /// The connection ended before the server said whether it took a request that must not be repeated.
  case uncertain(String)
  /// What came is not this API.
  case malformed(String)
  /// The job does not exist, or is another client's.
  case notFound
  /// The server refused the request: the HTTP status, why, and after how many seconds a retry makes sense.
  case status(Int, String, retryAfter: Int?)

  public var description: String {
    switch self {
    case .files(let text), .connect(let text), .untrusted(let text), .misnamed(let text), .refused(let text),
      .timeout(let text), .closed(let text), .uncertain(let text), .malformed(let text):
      text
    case .notFound: "there is no such job"
    case .status(_, let text, _): text
    }
  }

  /// The connection failed, not the request: another one may succeed.
  public var isTransient: Bool {
    switch self {
    case .connect, .timeout, .closed: true
    case .status(let code, _, _): [408, 429, 503].contains(code)
    default: false
    }
  }

  /// The connection failed.
  var isLoss: Bool {
    switch self {
    case .connect, .timeout, .closed: true
    default: false
    }
  }

  /// Nobody answered at all.
  var isFromConnecting: Bool {
    switch self {
    case .connect, .timeout: true
    default: false
    }
  }

  /// Seconds after which a retry makes sense, where the server said so.
  public var retryAfter: Int? {
    if case .status(_, _, let seconds) = self { return seconds }
    return nil
  }

  init(_ error: jw_error) {
    let text = withUnsafeBytes(of: error.text) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    switch error.kind {
    case JW_FAIL_FILES: self = .files(text)
    case JW_FAIL_CONNECT: self = .connect(text)
    case JW_FAIL_UNTRUSTED: self = .untrusted(text)
    case JW_FAIL_MISNAMED: self = .misnamed(text)
    case JW_FAIL_REFUSED: self = .refused(text)
    case JW_FAIL_TIMEOUT: self = .timeout(text)
    case JW_FAIL_CLOSED: self = .closed(text)
    default: self = .malformed(text)
    }
  }
}

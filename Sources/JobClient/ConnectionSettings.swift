import CJobWire
import FoundationEssentials
import Platform

/// Where the daemon is and who this client is.
public struct ConnectionSettings: Sendable, Equatable {
  public var host: String
  public var port: UInt16
  /// The HTTP proxy that is asked for a way to the daemon; nil: straight there.
  public var proxy: Proxy?
  /// PEM files: the authority the server's certificate is checked against, this client's certificate and key.
  public var authorityFile, certificateFile, keyFile: String
  /// Of the key; nil: it is not encrypted.
  public var passphrase: Passphrase?
  /// The name the server's certificate must have, when it is not the host's.
  public var serverName: String?
  /// The caller's own directory, below which TLS sessions are kept and resumed: one that others may enter is not used.
  /// Nil: none are kept, nor where the key has a passphrase.
  public var sessionDirectory: String?
  /// Milliseconds to connect, and to wait for a reply to go on; 0: no limit.
  public var connectTimeout: UInt32 = 10_000
  public var replyTimeout: UInt32 = 60_000

  /// An HTTP proxy that has the method CONNECT. TLS with the daemon goes through it: it cannot read or change it.
  public struct Proxy: Sendable, Equatable {
    public var host: String
    public var port: UInt16
    /// `user:password`, for the authentication scheme Basic (RFC 7617).
    public var credentials: String?

    public init(host: String, port: UInt16, credentials: String? = nil) {
      (self.host, self.port, self.credentials) = (host, port, credentials)
    }
  }

  public init(host: String, port: UInt16, authorityFile: String, certificateFile: String, keyFile: String) {
    (self.host, self.port) = (host, port)
    (self.authorityFile, self.certificateFile, self.keyFile) = (authorityFile, certificateFile, keyFile)
  }
}

extension ConnectionSettings {
  func withOptions<Result>(_ body: (jw_client_options) -> Result) -> Result {
    withCStrings([host, authorityFile, certificateFile, keyFile, serverName ?? "", sessionDirectory ?? ""]) {
      texts in
      withProxy { proxy in
        Passphrase.withCString(passphrase) { passphrase in
          body(
            jw_client_options(
              host: texts[0]!, port: port, proxy: proxy, server_name: serverName == nil ? nil : texts[4],
              ca_file: texts[1]!, certificate_file: texts[2]!, key_file: texts[3]!, passphrase: passphrase,
              session_directory: sessionDirectory == nil ? nil : texts[5], connect_ms: connectTimeout,
              io_ms: replyTimeout))
        }
      }
    }
  }

  private func withProxy<Result>(_ body: (UnsafePointer<jw_proxy>?) -> Result) -> Result {
    guard let proxy else { return body(nil) }
    let credentials = proxy.credentials.map { [Data($0.utf8).base64EncodedString()] } ?? []
    return withCStrings([proxy.host] + credentials) { texts in
      var value = jw_proxy(host: texts[0]!, port: proxy.port, credentials: texts[1])
      return body(&value)
    }
  }
}

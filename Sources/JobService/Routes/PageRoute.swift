import JobAPI
import WebPage

/// `GET /` and `GET /page/<file>`: the web page, for every role.
extension Worker {
  func page(_ name: String, _ exchange: Exchange, _ head: RequestHead) throws {
    _ = try head.query()
    guard let file = PageFile.named(name) else {
      throw Problem(404, "the page has no file \"\(printable(name))\"")
    }
    let fields = HeaderField.page + [HeaderField("ETag", file.tag)]
    if try head.isKnown(tag: file.tag) { return exchange.reply(304, fields: fields) }
    exchange.reply(200, type: file.type, fields: fields, body: file.bytes)
  }
}

extension RequestHead {
  /// What follows `/page/`.
  var pageFile: String { String(decoding: path.dropFirst("/page/".utf8.count), as: UTF8.self) }
}

extension HeaderField {
  /// What the page may do: load its own files and ask this daemon, and nothing else. Text can become neither markup
  /// nor script, whatever is done with it.
  fileprivate static let policy = [
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'",
    "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ]

  fileprivate static let page = [
    HeaderField("Cache-Control", "no-cache"),
    HeaderField("Content-Security-Policy", policy.joined(separator: "; ")),
    HeaderField("Cross-Origin-Opener-Policy", "same-origin"),
    HeaderField("Cross-Origin-Resource-Policy", "same-origin"),
    HeaderField("Referrer-Policy", "no-referrer"),
  ]
}

/// `GET /openapi.json`.
extension Worker {
  func description(_ exchange: Exchange, _ head: RequestHead) throws {
    _ = try head.query()
    exchange.reply(encoded: Array(OpenAPIDescription.json.utf8))
  }
}

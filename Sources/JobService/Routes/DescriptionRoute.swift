/// `GET /openapi.json`.
extension Worker {
  func description(_ exchange: Exchange, _ head: RequestHead) throws {
    _ = try head.query()
    exchange.reply(200, type: "application/json", body: Array(OpenAPIDescription.json.utf8))
  }
}

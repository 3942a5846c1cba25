/// `GET /openapi.json`.
extension Worker {
  func description(_ exchange: Exchange) {
    exchange.reply(200, type: "application/json", body: Array(OpenAPIDescription.json.utf8))
  }
}

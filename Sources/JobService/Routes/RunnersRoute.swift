import JobAPI
import JobModel

/// `GET /runners`.
extension Worker {
  func runners(_ exchange: Exchange, _ head: RequestHead) throws {
    _ = try head.query()
    let settings = api.clients.settings(exchange.principal.client)
    exchange.reply(json: RunnersReply(api.configuration.runners, settings, hostLimits: api.hostLimits))
  }
}

extension RunnersReply {
  /// Those that a client with these settings may use. `hostLimits`: the limits that this host enforces.
  init(_ runners: RunnerMap, _ settings: ClientSettings, hostLimits: [String]) {
    self.init(
      runners: settings.usable(runners).sorted().map { name in
        let limits = runners[name]?.limitNames(local: hostLimits) ?? hostLimits
        return Entry(
          name: name, limits: limits.sorted(), isDefault: name == settings.runner ?? Runner.none)
      })
  }
}

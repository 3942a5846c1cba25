import JobAPI
import JobModel

/// What roles may do: the one place where that is decided.
extension Role {
  /// Whose jobs a request may be about.
  private enum Reach {
    case nobodys, own, all
  }

  private func reach(_ route: Route) -> Reach {
    switch route {
    case .status, .output, .stdout, .stderr, .log, .detail, .list, .events: self == .owner ? .own : .all
    case .create, .batch, .run, .stdin, .resize: self == .viewer ? .nobodys : .own
    case .signal, .stop, .delete:
      switch self {
      case .owner: .own
      case .viewer: .nobodys
      case .operator: .all
      }
    case .metrics: self == .owner ? .nobodys : .all
    case .runners, .description, .page, .pageFile: .own
    }
  }

  func mayAsk(_ route: Route) -> Bool { reach(route) != .nobodys }
  func reachesAll(_ route: Route) -> Bool { reach(route) == .all }
  /// Whether it is told of jobs that are not its own.
  var seesAll: Bool { reachesAll(.detail) }
}

/// What the role of who asks does not allow.
struct Forbidden: Error {
  let route: Route
  /// The job that it was about.
  let job: JobID?
  let detail: String

  /// The route itself.
  init(_ route: Route, _ job: JobID?, of principal: Principal) {
    self.init(
      route, job, principal, "use \(route.rawValue)", to: Role.allCases.filter { $0.mayAsk(route) })
  }

  /// The same with other clients' jobs. `job`: one of them; `client`: whose.
  init(others route: Route, _ job: JobID? = nil, client: String? = nil, of principal: Principal) {
    let whose = client.map { $0 == "*" ? "all clients'" : "the client \"\(printable($0))\"'s" }
    self.init(
      route, job, principal, "use \(route.rawValue) with \(whose ?? "other clients'") jobs",
      to: Role.allCases.filter { $0.reachesAll(route) })
  }

  private init(_ route: Route, _ job: JobID?, _ principal: Principal, _ what: String, to roles: [Role]) {
    (self.route, self.job) = (route, job)
    let able = roles.isEmpty ? "no role does" : "\(roles.map(\.rawValue).alternatives) does"
    detail = "your role, \(principal.peer.role.rawValue), does not let you \(what); \(able)"
  }
}

extension Principal {
  var seesAll: Bool { peer.role.seesAll }
  /// Nil: that of everybody.
  var otherRole: String? { peer.role == .owner ? nil : peer.role.rawValue }

  /// Throws ``Forbidden`` where the role lacks the route.
  func require(_ route: Route, _ job: JobID?) throws(Forbidden) {
    guard peer.role.mayAsk(route) else { throw Forbidden(route, job, of: self) }
  }
}

extension Worker {
  /// Whose the job is, by the store's number: of who asks, or of another client where the role reaches it. It may be
  /// gone all the same. Throws ``NoSuchJob``, and ``Forbidden`` for a job that may be seen and not more.
  func owner(of id: JobID, _ principal: Principal, _ route: Route) throws -> Int64 {
    let own = number(of: principal)
    guard principal.seesAll else {
      guard let own else { throw NoSuchJob(route) }
      return own
    }
    guard let owner = try api.table.owner(of: id) ?? reader.owner(of: id) else { throw NoSuchJob(route) }
    guard owner == own || principal.peer.role.reachesAll(route) else {
      throw Forbidden(others: route, id, of: principal)
    }
    return owner
  }

  /// Whose jobs a list, or events, are to be of: the query's `client`. Nil: who asks, who has none.
  func clients(_ query: Query, _ principal: Principal, _ route: Route) throws -> ListedClients? {
    guard let name = query["client"], !name.isSame(as: principal.name) else {
      return number(of: principal).map { .one($0) }
    }
    guard principal.peer.role.reachesAll(route) else {
      throw Forbidden(others: route, client: name, of: principal)
    }
    if name == "*" { return .all }
    guard let number = try reader.clientNumber(name) else {
      throw Problem(404, "no client named \"\(printable(name))\" has created a job")
    }
    return .one(number)
  }

  /// The client's name, where who asks is told of others' jobs too.
  func clientName(_ number: Int64, for principal: Principal) throws -> String? {
    guard principal.seesAll else { return nil }
    return try api.clients.name(numbered: number) ?? reader.clientName(number)
  }
}

/// Whose jobs are listed.
enum ListedClients {
  case one(Int64)
  case all
}

import Glibc
import JobEngine
import JobLoop
import JobModel
import Platform

/// Looks up the users and groups that jobs name. A look-up may ask a network (nss(5)) and take any time: each has a thread
/// of its own, and what was found is kept for a minute. Supervisor's thread only.
final class Accounts {
  /// What a creation names.
  struct Names: Hashable, Sendable {
    let user, group: String?
  }

  struct Found: Sendable {
    let account: Account
    let groups: [gid_t]
    let identity: JobIdentity
    /// Of a job whose group its user is not in: the names of those that it is in.
    var groupsInstead: [String]?
  }
  typealias Answer = Result<Found?, Refusal>

  private let loop: EventLoop
  private var known: [Names: (found: Found, until: Int64)] = [:]
  private var waiting: [Names: [(Answer) -> Void]] = [:]

  /// Microseconds.
  private static let kept: Int64 = 60_000_000
  private static let mostKept = 10_000
  /// Look-ups at once.
  private static let most = 16

  init(_ loop: EventLoop) { self.loop = loop }

  /// Of jobs that name nobody.
  static let own = Account.own

  /// Calls `then` at once when the plan names nobody, or it is known; else when the look-up has ended. Success nil: as
  /// this process.
  func find(_ plan: JobPlan, then: @escaping (Answer) -> Void) {
    guard let names = Names(plan) else { return then(.success(nil)) }
    if let (found, until) = known[names], until > Clock.monotonic() { return then(.success(found)) }
    if waiting[names] != nil {
      waiting[names]!.append(then)
      return
    }
    guard waiting.count < Self.most else {
      let text = "\(Self.most) look-ups of users and groups are under way, and none has ended"
      return then(.failure(Refusal(reason: .unavailable, text: text)))
    }
    waiting[names] = [then]
    lookUp(names)
  }

  private func lookUp(_ names: Names) {
    nonisolated(unsafe) let accounts = self
    let loop = loop
    do {
      try SystemThread.detach {
        let answer = Self.lookUp(names)
        loop.post { accounts.ended(names, answer) }
      }
    } catch {
      ended(names, .failure(Refusal(reason: .unavailable, text: "\(error)")))
    }
  }

  /// In the calling thread, at the start.
  static func lookUp(_ plan: JobPlan) -> Answer { Names(plan).map { lookUp($0) } ?? .success(nil) }

  private static func lookUp(_ names: Names) -> Answer {
    do throws(AccountError) {
      var account = if let user = names.user { try Account(named: user) } else { Account.own }
      let own = account.groups
      if let group = names.group { account.group = try Account.group(named: group) }
      let groups = names.group == nil ? own : account.groups
      var found = Found(account: account, groups: groups, identity: .of(account, groups))
      if !own.contains(account.group) { found.groupsInstead = own.map(Account.name(ofGroup:)) }
      return .success(found)
    } catch {
      return .failure(Refusal(reason: .invalid, text: "\(error)"))
    }
  }

  private func ended(_ names: Names, _ answer: Answer) {
    if case .success(let found?) = answer {
      if known.count >= Self.mostKept { known = [:] }
      known[names] = (found, Clock.monotonic() + Self.kept)
    }
    for then in waiting.removeValue(forKey: names) ?? [] { then(answer) }
  }
}

extension Accounts.Names {
  /// Nil: the plan names neither.
  init?(_ plan: JobPlan) {
    (user, group) = (plan.user, plan.group)
    guard user != nil || group != nil else { return nil }
  }
}

/// What clients that do harm cost another one, who asks for a status and creates jobs at a modest constant rate.
extension Bench {
  /// Programs of the load generator, as another client, that go on for longer than a victim is measured.
  private struct Attack {
    let name: String
    var loads: [[String]]
  }

  /// What the victim saw.
  private struct Victim {
    var status, create: Latency
  }

  /// Milliseconds: the bound for the victim's p99.
  private static let bound = 25.0
  private var victimSpan: Double { span(1.2, quick: 0.7) }

  func hostileRows() throws -> [Row] {
    let attacker = try pki.add("mallory")
    // The limits of a client as an operator may set them.
    let jobd = try Jobd(
      self, state: "hostile", options: ["--client-create-rate", "5000", "--client-running-jobs", "2000"])
    let followed = try Api(self, jobd, as: attacker).run("/usr/bin/head", ["-c", "50000000", "/dev/zero"])
    let target = "/jobs/\(try Api(self, jobd).run())/status"
    var alone: [Victim] = []
    var beside: [String: [Victim]] = [:]
    let attacks = attacks(followed)
    for _ in 0..<min(rounds, 3) {
      alone.append(try victim(jobd, target))
      for attack in attacks {
        beside[attack.name, default: []].append(try withstand(attack, jobd, target, attacker))
      }
    }
    let held = try withIdle(jobd, target, attacker)
    try jobd.stop()
    return attacks.flatMap { rows($0.name, beside[$0.name] ?? [], alone) }
      + rows(held.name, held.victims, alone)
  }

  private func attacks(_ followed: String) -> [Attack] {
    func slow(_ mode: String) -> [String] { [mode, "--connections", "500", "--rate", "2000"] }
    return [
      Attack(
        name: "slow handshakes, headers and bodies",
        loads: ["slow-handshake", "slow-head", "slow-body"].map(slow)),
      Attack(
        name: "200 followers that do not read",
        loads: [["deaf", "--connections", "200", "--path", "/jobs/\(followed)/stdout?follow=1"]]),
      Attack(
        name: "200 followers of events that do not read",
        loads: [
          ["deaf", "--connections", "200", "--path", "/events?follow=1"],
          ["put", "--connections", "4", "--rate", "200"],
        ]),
      Attack(name: "a flood of handshakes", loads: [["handshake", "--connections", "64"]]),
      Attack(
        name: "a flood of requests",
        loads: [["get", "--connections", "256", "--depth", "16", "--path", "/jobs?limit=1"]]),
      Attack(name: "a flood of creations", loads: [["flood", "--connections", "64"]]),
      Attack(name: "a flood of run requests", loads: [["run", "--connections", "64"]]),
      Attack(
        name: "a flood of creations in batches of 1,000",
        loads: [["flood", "--connections", "16", "--batch", "1000"]]),
    ]
  }

  private func withstand(_ attack: Attack, _ jobd: Jobd, _ target: String, _ attacker: Pki.Client) throws
    -> Victim
  {
    let loads = try attack.loads.map {
      try startLoad($0[0], jobd, Array($0[1...]) + ["--seconds", "60"], as: attacker)
    }
    defer { for load in loads { load.signal(9) } }
    let seen = try victim(jobd, target)
    for load in loads where load.hasEnded { throw BenchFailure("\(load.name) ended") }
    for load in loads {
      load.signal(9)
      load.wait()
    }
    // What was accepted of a flood is no part of the next attack.
    let api = Api(self, jobd, as: attacker)
    try poll("the attacker's jobs end") { try api.runningJobs() == 0 }
    return seen
  }

  private func victim(_ jobd: Jobd, _ target: String) throws -> Victim {
    let span = ["--seconds", "\(victimSpan)", "--warmup", "0.5"]
    let status = try startLoad(
      "get", jobd, ["--connections", "4", "--rate", "400", "--path", target] + span)
    let create = try startLoad("put", jobd, ["--connections", "4", "--rate", "50"] + span)
    for load in [status, create] { load.closeInput() }
    return Victim(status: try finishLoad(status).latency, create: try finishLoad(create).latency)
  }

  private func withIdle(_ jobd: Jobd, _ target: String, _ attacker: Pki.Client) throws -> (
    name: String, victims: [Victim]
  ) {
    let count = options.quick ? 2_000 : 10_000
    let load = try startLoad(
      "idle", jobd, ["--connections", "\(count)", "--path", "/jobs?limit=1"], as: attacker)
    _ = try decode(Load.self, load.read(line: true), of: "loadgen idle")
    let victims = try (0..<min(rounds, 3)).map { _ in try victim(jobd, target) }
    try release(load)
    return ("\(Double(count).text) idle connections", victims)
  }

  private func rows(_ attack: String, _ beside: [Victim], _ alone: [Victim]) -> [Row] {
    func row(_ request: String, _ latency: (Victim) -> Latency) -> Row {
      func milliseconds(_ victims: [Victim], _ quantile: (Latency) -> Double) -> [Double] {
        victims.map { quantile(latency($0)) / 1000 }
      }
      let quiet =
        "alone p50 \(milliseconds(alone, \.p50).median.text), p99 \(milliseconds(alone, \.p99).median.text)"
      return Row(
        "\(request) beside \(attack), p99", unit: "ms", milliseconds(beside, \.p99),
        goal: .atMost(Self.bound),
        note: "p50 \(milliseconds(beside, \.p50).median.text) ms; \(quiet) ms")
    }
    return [row("GET status", \.status), row("PUT /jobs", \.create)]
  }
}

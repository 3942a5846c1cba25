import JobAPI
import Testing

@testable import JobModel
@testable import JobSupervisor

@Suite struct SealerTests {
  private let key = [UInt8](0..<32)
  private let job = JobID(high: 1, low: 2)

  private func secrets() throws -> Secrets {
    var request = CreateRequest(cmd: "true")
    request.secretEnv = ["TOKEN": "canary"]
    return try #require(Secrets(request))
  }

  @Test func whatIsSealedOpensAsThatJobs() throws {
    let (sealer, secrets) = (try Sealer(key), try secrets())
    let sealed = try sealer.seal(secrets.encode(), of: job, 7)
    #expect(sealer.open(sealed, of: job, 7) == secrets)
    // Another that has the key opens it too, and the same is never sealed to the same.
    #expect(try Sealer(key).open(sealed, of: job, 7) == secrets)
    #expect(try sealer.seal(secrets.encode(), of: job, 7) != sealed)
    #expect(!String(decoding: sealed, as: UTF8.self).contains("canary"))
  }

  @Test func nothingElseOpensIt() throws {
    let sealer = try Sealer(key)
    let sealed = try sealer.seal(secrets().encode(), of: job, 7)
    #expect(sealer.open(sealed, of: JobID(high: 1, low: 3), 7) == nil)
    #expect(sealer.open(sealed, of: job, 8) == nil)
    #expect(try Sealer(key.reversed()).open(sealed, of: job, 7) == nil)
    for index in sealed.indices {
      var changed = sealed
      changed[index] ^= 1
      #expect(sealer.open(changed, of: job, 7) == nil)
      #expect(sealer.open(Array(sealed.prefix(index)), of: job, 7) == nil)
    }
  }

  @Test func aDigestIsTheKeys() throws {
    let sealer = try Sealer(key)
    #expect(try sealer.digest([1, 2]) == Sealer(key).digest([1, 2]))
    #expect(try sealer.digest([1, 2]) != sealer.digest([1, 3]))
    #expect(try sealer.digest([1, 2]) != Sealer(key.reversed()).digest([1, 2]))
    #expect(try sealer.digest([1, 2]).count == 32)
  }
}

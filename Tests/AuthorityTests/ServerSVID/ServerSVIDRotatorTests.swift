import Crypto
import Daemon
import DaemonTesting
import Foundation
import Keys
import SPIFFE
import ServiceLifecycle
import Synchronization
import Testing

@testable import Authority

@Suite struct ServerSVIDRotatorTests {
  func rotator(_ fixture: Fixture, _ type: KeyType = .ecP256) async throws -> ServerSVIDRotator {
    try await ServerSVIDRotator.start(
      authority: fixture.authority, keyType: type, metrics: Metrics(sinks: [fixture.counters]),
      logger: fixture.log.logger)
  }

  @Test func theFirstSVIDVerifiesAndFitsItsKey() async throws {
    let fixture = Fixture()
    _ = try await fixture.start()
    let svid = try await rotator(fixture).current
    #expect(svid.id == Fixture.id("/spire/server"))
    let verified = try X509SVIDVerifier(bundle: fixture.bundle).verify(chain: svid.chain, at: fixture.time.now)
    let key = try P256.Signing.PrivateKey(derRepresentation: svid.privateKey)
    #expect(try X509Certificates.publicKey(of: verified.leaf) == PublicKey(key.publicKey))
    #expect(fixture.log.line("Rotating server SVID") == "debug|Rotating server SVID|subsystem_name=svid_rotator")
    #expect(
      fixture.log.line("Signed X509 SVID")
        == "debug|Signed X509 SVID|expiration=2026-11-21T21:30:00Z spiffe_id=spiffe://example.org/spire/server "
        + "subsystem_name=svid_rotator")
    #expect(fixture.counters["svid.rotate OK"] == 1)
  }

  @Test func withoutAnActiveCAThereIsNoStart() async throws {
    let fixture = Fixture()
    let error = await #expect(throws: AuthorityError.self) { try await rotator(fixture) }
    #expect(error?.message == "X509 CA is not available for signing")
    #expect(fixture.counters["svid.rotate Unavailable"] == 1)
  }

  @Test func itIsRenewedAtHalfOfItsLifetime() async throws {
    let fixture = Fixture()
    _ = try await fixture.start()
    let rotator = try await rotator(fixture)
    let first = rotator.current
    fixture.time.advance(by: .seconds(1790))
    await rotator.rotateIfDue()
    #expect(rotator.current.chain == first.chain)
    fixture.time.advance(by: .seconds(10))
    await rotator.rotateIfDue()
    #expect(rotator.current.chain != first.chain)
    #expect(rotator.current.privateKey != first.privateKey)
  }

  @Test func aTaintedAuthorityMakesItDue() async throws {
    let fixture = Fixture()
    let manager = try await fixture.start()
    let rotator = try await rotator(fixture)
    let first = rotator.current
    let next = try await manager.prepareX509Authority()
    _ = try await manager.activateX509Authority(id: next.authorityID)
    await rotator.rotateIfDue()
    #expect(rotator.current.chain == first.chain)
    _ = try await manager.taintX509Authority(id: first.authorityID)
    await rotator.rotateIfDue()
    #expect(rotator.current.authorityID == next.authorityID)
  }

  @Test func aFailureKeepsTheOldOne() async throws {
    let fixture = Fixture()
    _ = try await fixture.start()
    let rotator = try await rotator(fixture)
    let first = rotator.current
    // Past the end of the CA: nothing can be signed.
    fixture.time.advance(by: .seconds(2 * 86_400))
    await rotator.rotateIfDue()
    #expect(rotator.current.chain == first.chain)
    #expect(fixture.log.line("Could not rotate server SVID")?.hasPrefix("error") == true)
  }

  /// The clock is set past the end of the CA and of the server's SVID: both are new within two looks at it, not within a
  /// period of one after a period of the other.
  @Test func aClockThatJumpsPastBothEndsIsSeenAtOnce() async throws {
    let fixture = Fixture()
    let manager = try await fixture.start()
    let rotator = try await rotator(fixture)
    let group = ServiceGroup(
      configuration: .init(services: [.init(service: manager), .init(service: rotator)], logger: fixture.log.logger))
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await group.run() }
      await fixture.time.waitForSleepers(4)
      fixture.time.set(by: .seconds(30 * 3600))
      for _ in 0..<3 {
        fixture.time.advance(by: .seconds(1))
        await fixture.time.waitForSleepers(4)
      }
      let now = fixture.time.now
      #expect(rotator.current.authorityID == fixture.authority.activeX509CA?.authorityID)
      #expect(rotator.current.expiresAt > Int64(now.timeIntervalSince1970))
      _ = try X509SVIDVerifier(bundle: fixture.bundle).verify(chain: rotator.current.chain, at: now)
      await group.triggerGracefulShutdown()
      try await tasks.waitForAll()
    }
  }

  /// What failed is not tried each second while nothing is different.
  @Test func aFailureIsTriedAgainAfterFiveSeconds() async throws {
    let fixture = Fixture()
    _ = try await fixture.start()
    let rotator = try await rotator(fixture)
    let group = ServiceGroup(
      configuration: .init(services: [.init(service: rotator)], logger: fixture.log.logger))
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await group.run() }
      await fixture.time.waitForSleepers(1)
      fixture.time.set(by: .seconds(2 * 86_400))
      for _ in 0..<6 {
        fixture.time.advance(by: .seconds(1))
        await fixture.time.waitForSleepers(1)
      }
      #expect(fixture.log.messages.count { $0 == "Could not rotate server SVID" } == 2)
      await group.triggerGracefulShutdown()
      try await tasks.waitForAll()
    }
  }

  @Test func theServicesEndOnGracefulShutdown() async throws {
    let fixture = Fixture()
    let manager = try await fixture.start()
    let rotator = try await rotator(fixture)
    let first = rotator.current
    let group = ServiceGroup(
      configuration: .init(services: [.init(service: manager), .init(service: rotator)], logger: fixture.log.logger))
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await group.run() }
      // Three loops of the manager and one of the rotator.
      await fixture.time.waitForSleepers(4)
      fixture.time.advance(by: .seconds(1805))
      await fixture.time.waitForSleepers(4)
      #expect(rotator.current.chain != first.chain)
      await group.triggerGracefulShutdown()
      try await tasks.waitForAll()
    }
    #expect(fixture.log.messages.contains("Stopping SVID rotator"))
    #expect(fixture.time.sleeperCount == 0)
  }
}

import Daemon
import DaemonTesting
import Foundation
import Keys
import SPIFFE
import Testing

@testable import Authority

/// A wall clock that somebody sets while the server runs.
@Suite struct ClockTests {
  private static let behind =
    "The clock of this server is behind the active X509 CA: what it signs is refused until the CA begins. Set the clock "
    + "right, or prepare and activate another authority with \"spire-server localauthority x509\""

  @Test func afterADayAheadTheEarlierCASignsAgain() async throws {
    let fixture = Fixture()
    let manager = try await fixture.start()
    let first = try #require(fixture.authority.activeX509CA)
    let svids = try await ServerSVIDRotator.start(
      authority: fixture.authority, keyType: .ecP256, metrics: .none, logger: fixture.log.logger)
    fixture.time.advance(by: .seconds(30 * 3600))
    await svids.rotateIfDue()
    #expect(fixture.log.line("Could not rotate server SVID")?.contains("the CA has expired") == true)
    await manager.rotate()
    await svids.rotateIfDue()
    let second = try #require(fixture.authority.activeX509CA)
    #expect(second.authorityID != first.authorityID && svids.current.authorityID == second.authorityID)

    fixture.time.advance(by: .seconds(-30 * 3600))
    // A server SVID of the future CA would be no better.
    await svids.rotateIfDue()
    #expect(svids.current.authorityID == second.authorityID)
    await manager.rotate()
    await svids.rotateIfDue()
    #expect(fixture.authority.activeX509CA?.authorityID == first.authorityID)
    #expect(svids.current.authorityID == first.authorityID)
    _ = try X509SVIDVerifier(bundle: fixture.bundle).verify(chain: svids.current.chain, at: fixture.time.now)
    #expect(
      fixture.log.line("The clock of this server was ahead; the X509 CA before it signs again")?.contains(
        second.authorityID) == true)
    #expect(!fixture.log.messages.contains(Self.behind))

    let (_, again) = try await fixture.restart()
    #expect(again.activeX509CA?.authorityID == first.authorityID)
    // And rotation goes on as if nothing had been.
    fixture.time.advance(by: .seconds(13 * 3600))
    await manager.rotate()
    #expect(fixture.authority.activeX509CA?.authorityID == first.authorityID)
    #expect(try await manager.x509Authorities().prepared?.authorityID != second.authorityID)
  }

  @Test func aRestartWithTheClockSetRightFindsTheEarlierCA() async throws {
    let fixture = Fixture()
    let manager = try await fixture.start()
    let first = try #require(fixture.authority.activeX509CA)
    fixture.time.advance(by: .seconds(30 * 3600))
    await manager.rotate()
    fixture.time.advance(by: .seconds(-30 * 3600))
    let (_, authority) = try await fixture.restart()
    #expect(authority.activeX509CA?.authorityID == first.authorityID)
  }

  @Test func aTaintedCADoesNotComeBack() async throws {
    let fixture = Fixture()
    let manager = try await fixture.start()
    let first = try #require(fixture.authority.activeX509CA)
    fixture.time.advance(by: .seconds(30 * 3600))
    await manager.rotate()
    try await fixture.store.taintX509Authority(subjectKeyID: first.authorityID, of: Fixture.trustDomain)
    fixture.time.advance(by: .seconds(-30 * 3600))
    await manager.rotate()
    #expect(fixture.authority.activeX509CA?.authorityID != first.authorityID)
    #expect(fixture.log.messages.contains(Self.behind))
  }

  @Test func aClockThatIsBehindLosesNothingAndIsSaidOnce() async throws {
    let fixture = Fixture()
    let manager = try await fixture.start()
    let first = try #require(fixture.authority.activeX509CA)
    let authorities = fixture.bundle.x509Authorities
    fixture.time.advance(by: .seconds(-400 * 86_400))
    for _ in 0..<3 { await manager.rotate() }
    #expect(fixture.log.messages.count { $0 == Self.behind } == 1)
    #expect(fixture.log.line(Self.behind)?.contains("not_before=2026-11-21T20:29:50Z") == true)
    fixture.time.advance(by: .seconds(400 * 86_400))
    for _ in 0..<3 { await manager.rotate() }
    #expect(fixture.authority.activeX509CA?.certificate == first.certificate)
    #expect(fixture.bundle.x509Authorities == authorities)
    #expect(fixture.log.messages.count { $0 == Self.behind } == 1)
  }
}

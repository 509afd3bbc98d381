import Daemon
import DaemonTesting
import DatastoreAPI
import Foundation
import Keys
import SPIFFE
import Synchronization
import Testing

@testable import Authority

/// What authorities above withdraw, where a server knows all that its trust domain trusts.
@Suite struct WithdrawalTests {
  private func start() async throws -> (Fixture, CAManager, UpstreamPKI, TestUpstream) {
    let root = try await UpstreamPKI.root("Root")
    let upstream = TestUpstream(try root.issuer(bundle: nil)) { Recorded.now }
    upstream.state.withLock { $0.keys = [] }
    let fixture = Fixture(settings: CAManagerConfiguration(upstream: upstream))
    return (fixture, try await fixture.start(), root, upstream)
  }

  private func key(_ id: String, tainted: Bool = false) -> JWTAuthority {
    JWTAuthority(publicKey: [1], keyID: id, expiresAt: 2_000_000_000, tainted: tainted)
  }

  private func bundle(_ roots: [UpstreamPKI], _ keys: [JWTAuthority], isComplete: Bool = true) -> UpstreamBundle {
    UpstreamBundle(
      x509Authorities: roots.map { X509Authority(der: $0.certificate) }, jwtAuthorities: keys, isComplete: isComplete)
  }

  @Test func jwtKeysComeAreTaintedAndGo() async throws {
    let (fixture, manager, root, _) = try await start()
    let own = try #require(fixture.authority.activeJWTKey).keyID
    func keys() -> [String] { fixture.bundle.jwtAuthorities.map { $0.keyID + ($0.tainted ? " tainted" : "") } }
    await manager.upstreamChanged(to: bundle([root], [key("peer"), key("bad", tainted: true)]))
    #expect(keys() == [own, "peer"], "what is tainted does not come in")
    await manager.upstreamChanged(to: bundle([root], [key("peer", tainted: true)]))
    #expect(keys() == [own, "peer tainted"])
    // Who knows only its CA's roots says nothing about keys.
    await manager.upstreamChanged(to: bundle([root], [], isComplete: false))
    #expect(keys() == [own, "peer tainted"])
    await manager.upstreamChanged(to: bundle([root], []))
    #expect(keys() == [own], "the own key stays, listed or not")
  }

  @Test func anOwnKeyThatWasRevokedDoesNotComeBack() async throws {
    let (fixture, manager, root, _) = try await start()
    let old = try #require(fixture.authority.activeJWTKey).authority
    let next = try await manager.prepareJWTAuthority()
    _ = try await manager.activateJWTAuthority(id: next.authorityID)
    _ = try await manager.taintJWTAuthority(id: old.keyID)
    await manager.upstreamChanged(to: bundle([root], [key("peer")]))
    #expect(fixture.bundle.jwtAuthorities.contains { $0.keyID == old.keyID && $0.tainted }, "not revoked by others")
    _ = try await manager.revokeJWTAuthority(id: old.keyID)
    await manager.upstreamChanged(to: bundle([root], [old, key("peer")]))
    #expect(!fixture.bundle.jwtAuthorities.contains { $0.keyID == old.keyID })
  }

  @Test func aKeyThatAnotherServerOnTheDatastoreRevokedDoesNotComeBack() async throws {
    let (fixture, manager, root, upstream) = try await start()
    let peer = try await CAManager.start(
      configuration: CAManagerConfiguration(upstream: upstream),
      authority: CertificateAuthority(
        configuration: fixture.authority.configuration, time: fixture.time, metrics: .none),
      keyManager: MemoryKeyManager(), datastore: fixture.store, time: fixture.time, metrics: .none,
      logger: fixture.log.logger)
    let old = try #require(fixture.bundle.jwtAuthorities.last)
    _ = try await peer.activateJWTAuthority(id: try await peer.prepareJWTAuthority().authorityID)
    _ = try await peer.taintJWTAuthority(id: old.keyID)
    _ = try await peer.revokeJWTAuthority(id: old.keyID)
    await manager.upstreamChanged(to: bundle([root], [old, key("other")]))
    #expect(!fixture.bundle.jwtAuthorities.contains { $0.keyID == old.keyID })
    #expect(fixture.bundle.jwtAuthorities.contains { $0.keyID == "other" })
  }

  @Test func aRootThatWentUnseenIsLeft() async throws {
    let (fixture, manager, root, upstream) = try await start()
    let first = try #require(fixture.authority.activeX509CA)
    let next = try await UpstreamPKI.root("Next")
    let issuer = try next.issuer(bundle: nil)
    upstream.state.withLock { $0.issuer = issuer }
    // A company's CA that was replaced: the server's CA stays until it rotates.
    await manager.upstreamChanged(to: bundle([next], [], isComplete: false))
    #expect(fixture.authority.activeX509CA?.authorityID == first.authorityID)

    await manager.upstreamChanged(to: bundle([next], []))
    let second = try #require(fixture.authority.activeX509CA)
    #expect(second.upstreamAuthorityID == next.keyID)
    #expect(fixture.authority.isTainted(x509AuthorityID: first.authorityID))
    #expect(fixture.bundle.x509Authorities.filter(\.tainted).map(\.der) == [root.certificate])
    await manager.rotate()
    await manager.upstreamChanged(to: bundle([next], [key("more")]))
    #expect(fixture.bundle.x509Authorities.count == 2, "agents have a minute to act on it")
    fixture.time.advance(by: .seconds(61))
    await manager.rotate()
    #expect(fixture.bundle.x509Authorities.map(\.der) == [next.certificate])
    #expect(fixture.authority.activeX509CA?.authorityID == second.authorityID)
  }

  @Test func nothingIsLeftWhileTheRootIsListedOrNobodySigns() async throws {
    let (fixture, manager, root, upstream) = try await start()
    let first = try #require(fixture.authority.activeX509CA)
    let next = try await UpstreamPKI.root("Next")
    await manager.upstreamChanged(to: bundle([next, root], []))
    #expect(fixture.authority.activeX509CA?.authorityID == first.authorityID)
    upstream.state.withLock { $0.failure = AuthorityError(.unavailable, "away") }
    await manager.upstreamChanged(to: bundle([next], []))
    #expect(fixture.authority.activeX509CA?.authorityID == first.authorityID, "better one that some accept than none")
    #expect(fixture.bundle.x509Authorities.allSatisfy { !$0.tainted })
    #expect(fixture.log.messages.contains { $0.hasPrefix("Unable to replace the X509 CA") })
  }
}

import Daemon
import DaemonTesting
import DatastoreAPI
import Foundation
import Keys
import SPIFFE
import Synchronization
import Testing

@testable import Authority

/// A server whose CA is signed above (server-behaviour §1.3, §1.7, §1.9).
@Suite struct UpstreamTests {
  private struct Setup {
    let root: UpstreamPKI
    let upstream: TestUpstream
    let fixture: Fixture
  }

  private func setUp(rootName: String = "Root") async throws -> Setup {
    let root = try await UpstreamPKI.root(rootName)
    let now = TestTime(Recorded.now)
    _ = now
    let upstream = TestUpstream(try root.issuer(bundle: nil)) { Recorded.now }
    return Setup(
      root: root, upstream: upstream, fixture: Fixture(settings: CAManagerConfiguration(upstream: upstream)))
  }

  private func svid(_ fixture: Fixture) async throws -> [[UInt8]] {
    try await fixture.authority.issueX509SVID(
      X509SVIDRequest(id: Fixture.id("/w"), publicKey: Fixture.workloadKey())
    ).chain
  }

  @Test func theRootIsInTheBundleAndTheCAInTheChain() async throws {
    let setup = try await setUp()
    let manager = try await setup.fixture.start()
    let ca = try #require(setup.fixture.authority.activeX509CA)
    #expect(!ca.isSelfSigned && ca.upstreamAuthorityID == setup.root.keyID)
    #expect(setup.fixture.bundle.x509Authorities == [X509Authority(der: setup.root.certificate)])
    #expect(setup.upstream.state.withLock(\.ttls) == [.seconds(86_400)])
    let chain = try await svid(setup.fixture)
    #expect(chain.count == 2 && chain[1] == ca.certificate)
    _ = try X509SVIDVerifier(bundle: setup.fixture.bundle).verify(chain: chain, at: Recorded.now)
    #expect(try await manager.x509Authorities().active.upstreamAuthorityID == setup.root.keyID)
    // Nobody above takes JWT keys: said once, and the own bundle has them.
    _ = try await manager.prepareJWTAuthority()
    #expect(setup.fixture.bundle.jwtAuthorities.count == 2)
    #expect(setup.fixture.log.messages.count { $0.contains("does not take JWT keys") } == 1)
  }

  @Test func aRestartContinues() async throws {
    let setup = try await setUp()
    _ = try await setup.fixture.start()
    let before = try #require(setup.fixture.authority.activeX509CA)
    let (_, again) = try await setup.fixture.restart()
    #expect(again.activeX509CA?.certificate == before.certificate)
    #expect(again.activeX509CA?.upstreamChain == before.upstreamChain)
    #expect(setup.upstream.state.withLock(\.mints) == 1)
  }

  @Test func jwtKeysGoUpAndOthersComeDown() async throws {
    let setup = try await setUp()
    let peer = JWTAuthority(publicKey: Fixture.workloadKey().pkix, keyID: "peer", expiresAt: 2_000_000_000)
    setup.upstream.state.withLock { $0.keys = [peer] }
    _ = try await setup.fixture.start()
    let own = try #require(setup.fixture.authority.activeJWTKey).keyID
    #expect(Set(setup.fixture.bundle.jwtAuthorities.map(\.keyID)) == ["peer", own])
    #expect(setup.upstream.state.withLock { $0.keys?.map(\.keyID) } == ["peer", own])
  }

  @Test func aKeyFromBelowGoesUpTheWholeWay() async throws {
    let key = JWTAuthority(publicKey: Fixture.workloadKey().pkix, keyID: "below", expiresAt: 2_000_000_000)
    let setup = try await setUp()
    setup.upstream.state.withLock { $0.keys = [] }
    let manager = try await setup.fixture.start()
    let own = try #require(setup.fixture.authority.activeJWTKey).keyID
    #expect(try await manager.publishDownstreamJWTKey(key).map(\.keyID) == [own, "below"])
    #expect(setup.upstream.state.withLock { $0.keys?.map(\.keyID) } == [own, "below"])
    // What is not known above is not known here.
    setup.upstream.state.withLock { $0.failure = AuthorityError(.unavailable, "upstreamauthority(x): away") }
    let other = JWTAuthority(publicKey: Fixture.workloadKey().pkix, keyID: "other", expiresAt: 2_000_000_000)
    #expect(await failure { _ = try await manager.publishDownstreamJWTKey(other) }?.1 == "upstreamauthority(x): away")
    #expect(!setup.fixture.bundle.jwtAuthorities.contains { $0.keyID == "other" })
    // The root itself, and a server whose authority above takes no keys, keep it.
    let alone = Fixture()
    #expect(try await alone.start().publishDownstreamJWTKey(key).last == key)
    let below = try await setUp()
    #expect(try await below.fixture.start().publishDownstreamJWTKey(key).last == key)
    #expect(below.fixture.bundle.jwtAuthorities.last == key)
  }

  @Test(.timeLimit(.minutes(3))) func aStartWaitsForAnAuthorityThatIsAway() async throws {
    let root = try await UpstreamPKI.root("Root")
    for comesBack in [true, false] {
      let upstream = TestUpstream(try root.issuer(bundle: nil)) { Recorded.now }
      upstream.state.withLock { $0.failure = AuthorityError(.permissionDenied, "upstreamauthority(x): no entry") }
      let fixture = Fixture(settings: CAManagerConfiguration(upstream: upstream, startPatience: .seconds(5)))
      async let started = failure { _ = try await fixture.start() }
      await fixture.time.waitForSleepers()
      fixture.time.advance(by: .seconds(1))
      await fixture.time.waitForSleepers()
      if comesBack { upstream.state.withLock { $0.failure = nil } }
      fixture.time.advance(by: .seconds(2))
      let found = await started
      #expect((found == nil) == comesBack)
      #expect(comesBack || found?.0 == .permissionDenied)
      #expect(fixture.log.messages.count { $0.hasPrefix("There is no X509 CA yet") } == 2)
    }
  }

  @Test func whatIsMintedMustBeUsable() async throws {
    let setup = try await setUp()
    let other = try await UpstreamPKI.root("Other")
    setup.upstream.state.withLock { $0.roots = [X509Authority(der: other.certificate)] }
    let found = await failure { _ = try await setup.fixture.start() }
    #expect(found?.1.contains("the X.509 CA that the upstream authority signed is not usable") == true)
    #expect(setup.fixture.bundle.x509Authorities.isEmpty, "nothing half done")
    setup.upstream.state.withLock { $0.roots = [] }
    #expect(await failure { _ = try await setup.fixture.start() }?.1.contains("returned no roots") == true)
    setup.upstream.state.withLock {
      $0.roots = nil
      $0.failure = AuthorityError(.unavailable, "upstreamauthority(x): sealed")
    }
    #expect(await failure { _ = try await setup.fixture.start() }?.1.hasSuffix("upstreamauthority(x): sealed") == true)
  }

  @Test func rootsAreTakenOverAndTaintedOnesReplacedFirst() async throws {
    let setup = try await setUp()
    let fixture = setup.fixture
    let manager = try await fixture.start()
    let first = try #require(fixture.authority.activeX509CA)
    let next = try await UpstreamPKI.root("Next")
    await manager.upstreamChanged(
      to: UpstreamBundle(x509Authorities: [
        X509Authority(der: setup.root.certificate), X509Authority(der: next.certificate),
      ]))
    #expect(fixture.bundle.x509Authorities.map(\.der) == [setup.root.certificate, next.certificate])
    #expect(fixture.authority.activeX509CA?.authorityID == first.authorityID)

    // The root is withdrawn above, which now signs with the other one.
    let issuer = try next.issuer(bundle: nil)
    setup.upstream.state.withLock { $0.issuer = issuer }
    let withdrawn = UpstreamBundle(x509Authorities: [
      X509Authority(der: setup.root.certificate, tainted: true), X509Authority(der: next.certificate),
    ])
    await manager.upstreamChanged(to: withdrawn)
    let second = try #require(fixture.authority.activeX509CA)
    #expect(second.upstreamAuthorityID == next.keyID)
    #expect(fixture.bundle.x509Authorities.filter(\.tainted).map(\.der) == [setup.root.certificate])
    #expect(fixture.authority.isTainted(x509AuthorityID: first.authorityID))
    #expect(!fixture.authority.isTainted(x509AuthorityID: second.authorityID))
    // Told again, nothing happens; after a restart it is known.
    await manager.upstreamChanged(to: withdrawn)
    #expect(fixture.authority.activeX509CA?.authorityID == second.authorityID)
    let (_, again) = try await fixture.restart()
    #expect(again.activeX509CA?.authorityID == second.authorityID)
    #expect(again.isTainted(x509AuthorityID: first.authorityID))

    await manager.upstreamChanged(to: UpstreamBundle(x509Authorities: [X509Authority(der: next.certificate)]))
    #expect(fixture.bundle.x509Authorities == [X509Authority(der: next.certificate)])
  }

  @Test func byHandOnlyTheRootOfTheOldAuthority() async throws {
    let setup = try await setUp()
    let manager = try await setup.fixture.start()
    func check(_ keyID: String, _ code: AuthorityError.Code, _ reason: String) async {
      let taint = await failure { try await manager.taintX509UpstreamAuthority(subjectKeyID: keyID) }
      #expect(taint! == (code, "provided subject key id is not valid: " + reason))
      let revoke = await failure { try await manager.revokeX509UpstreamAuthority(subjectKeyID: keyID) }
      #expect(revoke! == (code, "invalid subject key ID: " + reason))
    }
    await check("", .invalidArgument, "no subject key ID provided")
    await check(
      setup.root.keyID.uppercased(), .invalidArgument, "unable to use upstream authority singing current authority")
    await check("00", .invalidArgument, "upstream authority didn't sign the old local authority")

    let next = try await UpstreamPKI.root("Next")
    let issuer = try next.issuer(bundle: nil)
    setup.upstream.state.withLock { $0.issuer = issuer }
    let prepared = try await manager.prepareX509Authority()
    await check(
      next.keyID, .invalidArgument, "only upstream authorities signing an old authority can be used")
    _ = try await manager.activateX509Authority(id: prepared.authorityID)
    #expect(
      await failure { try await manager.revokeX509UpstreamAuthority(subjectKeyID: setup.root.keyID) }?.0 == .internal)
    try await manager.taintX509UpstreamAuthority(subjectKeyID: setup.root.keyID)
    #expect(setup.fixture.bundle.x509Authorities.first { $0.der == setup.root.certificate }?.tainted == true)
    try await manager.revokeX509UpstreamAuthority(subjectKeyID: setup.root.keyID.uppercased())
    #expect(setup.fixture.bundle.x509Authorities.map(\.der) == [next.certificate])
  }

  @Test func ownAuthoritiesCannotBeWithdrawn() async throws {
    let manager = try await setUp().fixture.start()
    #expect(
      await failure { _ = try await manager.taintX509Authority(id: "x") }!
        == (.failedPrecondition, "local authority can't be tainted if there is an upstream authority"))
    #expect(
      await failure { _ = try await manager.revokeX509Authority(id: "x") }!
        == (.failedPrecondition, "local authority can't be revoked if there is an upstream authority"))
    let alone = try await Fixture().start()
    #expect(
      await failure { try await alone.taintX509UpstreamAuthority(subjectKeyID: "x") }!
        == (.failedPrecondition, "upstream authority is not configured"))
  }

  @Test func aServerMayChangeItsMind() async throws {
    // Upstream authority added: the self-signed CA serves until its rotation. Removed: the CA is not in the bundle.
    let store = Fixture()
    _ = try await store.start()
    let own = try #require(store.authority.activeX509CA)
    let root = try await UpstreamPKI.root("Root")
    let upstream = TestUpstream(try root.issuer(bundle: nil)) { Recorded.now }
    func start(_ upstream: TestUpstream?) async throws -> (CAManager, CertificateAuthority) {
      let authority = CertificateAuthority(
        configuration: store.authority.configuration, time: store.time, metrics: .none)
      let manager = try await CAManager.start(
        configuration: CAManagerConfiguration(upstream: upstream), authority: authority, keyManager: store.keys,
        datastore: store.store, time: store.time, metrics: .none, logger: store.log.logger)
      return (manager, authority)
    }
    let (manager, with) = try await start(upstream)
    #expect(with.activeX509CA?.authorityID == own.authorityID)
    let prepared = try await manager.prepareX509Authority()
    _ = try await manager.activateX509Authority(id: prepared.authorityID)
    let (_, without) = try await start(nil)
    #expect(without.activeX509CA?.isSelfSigned == true)
  }
}

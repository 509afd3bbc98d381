import Crypto
import Daemon
import DaemonTesting
import DatastoreAPI
import Foundation
import Keys
import SPIFFE
import SPIREProtos
import Synchronization
import Testing

@testable import Authority

/// WIT keys: rotated, journalled and withdrawn as JWT keys are, and only with the feature flag.
@Suite struct WITAuthorityTests {
  private static func fixture(issuer: String? = nil) -> Fixture {
    var configuration = CredentialConfiguration(trustDomain: Fixture.trustDomain)
    configuration.witSVIDsAreEnabled = true
    configuration.witIssuer = issuer
    return Fixture(configuration)
  }

  @Test func aServerStartsWithAKeyThatTheBundleAndTheJournalHave() async throws {
    let fixture = Self.fixture()
    let manager = try await fixture.start()
    let key = try #require(fixture.authority.activeKey(.wit))
    #expect(fixture.bundle.witAuthorities == [key.authority])
    #expect(key.keyID.count == 32 && key.keyID != fixture.authority.activeJWTKey?.keyID)
    #expect(try await fixture.keys.key(id: "WIT-Signer-A")?.publicKey == key.key.publicKey)
    let journal = try #require(fixture.store.state.withLock { $0.journals.values.first })
    let entry = try #require(try Journal(rowID: 1, data: journal.data).entries.witKeys.first)
    #expect(entry.kid == key.keyID && entry.authorityID == key.keyID && entry.status == .active && entry.slotID == "A")
    #expect(entry.notAfter == key.notAfter && Array(entry.publicKey) == key.key.publicKey.pkix)
    #expect(fixture.counters["ca.manager.wit_key.prepare OK"] == 1 && fixture.counters["manager.wit_key.activate"] == 1)
    #expect(try await manager.authorities(.wit).active.authorityID == key.keyID)
  }

  @Test func theKeyIsTheSameAfterARestartAndWaitsWhileTheSwitchIsOff() async throws {
    let fixture = Self.fixture()
    let manager = try await fixture.start()
    let prepared = try await manager.prepareAuthority(.wit)
    let (again, authority) = try await fixture.restart()
    #expect(authority.activeKey(.wit)?.keyID == fixture.authority.activeKey(.wit)?.keyID)
    #expect(try await again.authorities(.wit).prepared == prepared)

    let without = CertificateAuthority(
      configuration: CredentialConfiguration(trustDomain: Fixture.trustDomain), time: fixture.time, metrics: .none)
    let off = try await CAManager.start(
      configuration: fixture.settings, authority: without, keyManager: fixture.keys, datastore: fixture.store,
      time: fixture.time, metrics: .none, logger: fixture.log.logger)
    _ = try await off.prepareX509Authority()
    #expect(without.activeKey(.wit) == nil && fixture.bundle.witAuthorities.count == 2)
    let (_, third) = try await fixture.restart()
    #expect(third.activeKey(.wit)?.keyID == fixture.authority.activeKey(.wit)?.keyID)
  }

  @Test func keysAreRotatedBeforeTheyEnd() async throws {
    let fixture = Self.fixture()
    let manager = try await fixture.start()
    let first = try #require(fixture.authority.activeKey(.wit))
    fixture.time.advance(by: .seconds(12 * 3600 + 1))
    await manager.rotate()
    #expect(try await manager.authorities(.wit).prepared != nil)
    #expect(fixture.authority.activeKey(.wit)?.keyID == first.keyID)
    fixture.time.advance(by: .seconds(8 * 3600 + 1))
    await manager.rotate()
    let second = try #require(fixture.authority.activeKey(.wit))
    #expect(second.keyID != first.keyID && fixture.bundle.witAuthorities.map(\.keyID) == [first.keyID, second.keyID])
    #expect(try await manager.authorities(.wit).old?.authorityID == first.keyID)
  }

  @Test func fromPreparationToRevocation() async throws {
    let fixture = Self.fixture()
    let manager = try await fixture.start()
    let first = try await manager.authorities(.wit).active.authorityID
    let prepared = try await manager.prepareAuthority(.wit).authorityID
    func check(_ text: String, _ body: () async throws -> Void) async {
      #expect(await failure(body)?.1 == text)
    }
    await check("unexpected authority ID") { _ = try await manager.activateAuthority(.wit, id: "x") }
    await check("invalid authority ID: unable to use a prepared key") {
      _ = try await manager.revokeAuthority(.wit, id: prepared)
    }
    _ = try await manager.activateAuthority(.wit, id: prepared)
    #expect(fixture.authority.activeKey(.wit)?.keyID == prepared)
    await check("invalid authority ID: unable to use current authority") {
      _ = try await manager.revokeAuthority(.wit, id: prepared)
    }
    await check("invalid authority ID: no WIT authority found with provided authority ID") {
      _ = try await manager.revokeAuthority(.wit, id: try await manager.jwtAuthorities().active.authorityID)
    }
    await check("failed to revoke WIT authority: it is not possible to revoke an untainted key") {
      _ = try await manager.revokeAuthority(.wit, id: first)
    }
    _ = try await manager.taintAuthority(.wit, id: first)
    #expect(fixture.bundle.witAuthorities.first?.tainted == true && fixture.bundle.jwtAuthorities.count == 1)
    #expect(try await manager.revokeAuthority(.wit, id: first) == first)
    #expect(fixture.bundle.witAuthorities.map(\.keyID) == [prepared])
  }

  @Test func withoutTheSwitchThereIsNothing() async throws {
    let fixture = Fixture()
    let manager = try await fixture.start()
    #expect(fixture.bundle.witAuthorities.isEmpty && fixture.authority.activeKey(.wit) == nil)
    let texts = [
      await failure { _ = try await manager.authorities(.wit) },
      await failure { _ = try await manager.prepareAuthority(.wit) },
      await failure { _ = try await manager.activateAuthority(.wit, id: "x") },
      await failure { _ = try await manager.taintAuthority(.wit, id: "x") },
      await failure { _ = try await manager.revokeAuthority(.wit, id: "x") },
    ]
    for found in texts {
      #expect(found?.0 == .unimplemented && found?.1 == "WIT-SVID functionality is not yet implemented")
    }
    let request = WITSVIDRequest(id: Fixture.id("/w"), publicKey: Fixture.workloadKey(), algorithm: .es256)
    let refusal = await failure { _ = try await fixture.authority.issueWITSVID(request) }
    #expect(refusal! == (.unimplemented, "WIT functionality is disabled"))
  }

  // MARK: Tokens

  @Test func aTokenBindsTheWorkloadsKey() async throws {
    let fixture = Self.fixture(issuer: "wit.example.org")
    _ = try await fixture.start()
    let key = Fixture.workloadKey()
    let request = WITSVIDRequest(id: Fixture.id("/w"), publicKey: key, algorithm: .es256)
    let issued = try await fixture.authority.issueWITSVID(request)
    let now = fixture.time.now
    let svid = try WITSVIDValidator.validate(token: issued.token, now: now, keys: WITKeySet([fixture.bundle]))
    #expect(svid.id == request.id && svid.confirmationKey == key && svid.confirmationAlgorithm == .es256)
    #expect(svid.claims["iss"] == "wit.example.org" && svid.claims["aud"] == nil)
    #expect(Set(svid.claims.members.map(\.name)) == ["cnf", "exp", "iat", "iss", "sub"])
    #expect(issued.expiresAt - issued.issuedAt == 3600 && issued.issuedAt == Int64(now.timeIntervalSince1970))
    #expect(fixture.counters["server_ca.sign.wit_svid"] == 1)
    // The other kind's rules and keys do not let it through.
    #expect(throws: SPIFFEError.self) {
      try JWTSVIDValidator.validate(token: issued.token, audience: ["a"], now: now, keys: JWTKeySet([fixture.bundle]))
    }
    let jwt = try await fixture.authority.issueJWTSVID(JWTSVIDRequest(id: request.id, audience: ["a"]))
    #expect(throws: SPIFFEError.self) {
      try WITSVIDValidator.validate(token: jwt.token, now: now, keys: WITKeySet([fixture.bundle]))
    }
  }

  @Test func lifetimesAreAskedForAndCapped() async throws {
    let fixture = Self.fixture()
    _ = try await fixture.start()
    var request = WITSVIDRequest(
      id: Fixture.id("/w"), publicKey: Fixture.workloadKey(), algorithm: .es256, ttl: .seconds(60))
    let short = try await fixture.authority.issueWITSVID(request)
    #expect(short.expiresAt - short.issuedAt == 60)
    request.ttl = .seconds(48 * 3600)
    let long = try await fixture.authority.issueWITSVID(request)
    #expect(long.expiresAt == fixture.authority.activeKey(.wit)?.notAfter)
  }

  @Test func whatDoesNotFitIsNotSigned() async throws {
    let fixture = Self.fixture()
    _ = try await fixture.start()
    let key = Fixture.workloadKey()
    let foreign = try SPIFFEID("spiffe://other.org/w")
    let texts = [
      await failure {
        _ = try await fixture.authority.issueWITSVID(.init(id: foreign, publicKey: key, algorithm: .es256))
      },
      await failure {
        _ = try await fixture.authority.issueWITSVID(.init(id: Fixture.id("/w"), publicKey: key, algorithm: .es384))
      },
    ].map { $0?.1 }
    #expect(
      texts == [
        #"invalid WIT-SVID ID: "spiffe://other.org/w" is not a member of trust domain "example.org""#,
        "invalid WIT-SVID key: EC P-256 does not sign ES384",
      ])
  }

  @Test(arguments: [KeyType.ecP384, .rsa2048]) func otherKeyTypesSignToo(_ type: KeyType) async throws {
    var configuration = CredentialConfiguration(trustDomain: Fixture.trustDomain)
    configuration.witSVIDsAreEnabled = true
    let fixture = Fixture(configuration, settings: CAManagerConfiguration(witKeyType: type))
    _ = try await fixture.start()
    #expect(fixture.authority.activeJWTKey?.key.type == .ecP256)
    let issued = try await fixture.authority.issueWITSVID(
      .init(id: Fixture.id("/w"), publicKey: Fixture.workloadKey(), algorithm: .es256))
    let svid = try WITSVIDValidator.validate(
      token: issued.token, now: fixture.time.now, keys: WITKeySet([fixture.bundle]))
    #expect(svid.id == Fixture.id("/w"))
  }
}

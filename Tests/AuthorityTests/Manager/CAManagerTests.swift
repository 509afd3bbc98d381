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

@Suite struct CAManagerTests {
  @Test func aFreshServerMakesPublishesAndRemembersItsAuthorities() async throws {
    let fixture = Fixture()
    let manager = try await fixture.start()
    let ca = try #require(fixture.authority.activeX509CA)
    let jwt = try #require(fixture.authority.activeJWTKey)
    #expect(fixture.bundle.x509Authorities == [X509Authority(der: ca.certificate)])
    #expect(fixture.bundle.jwtAuthorities == [jwt.authority])
    #expect(ca.expiresAt == Recorded.now.addingTimeInterval(86_400))
    let row = try #require(try await fixture.store.fetchCAJournal(activeX509AuthorityID: ca.authorityID))
    let entries = try Journal(rowID: row.id, data: row.data).entries
    #expect(entries.x509Cas.map(\.status) == [.active] && entries.jwtKeys.map(\.status) == [.active])
    #expect(try await fixture.keys.keys().map(\.id) == ["JWT-Signer-A", "x509-CA-A"])
    #expect(try await manager.x509Authorities().active.authorityID == ca.authorityID)
    #expect(jwt.keyID.count == 32 && jwt.keyID.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) })
  }

  @Test func theLogHasTheRecordedLines() async throws {
    let fixture = Fixture()
    _ = try await fixture.start()
    #expect(
      Set(fixture.log.messages).isSuperset(of: [
        "Loading journal from datastore",
        "There is not a CA journal record that matches any of the local X509 authority IDs", "Journal loaded",
        "Preparing X509 CA", "There is no active X.509 authority yet. Can't save CA journal in the datastore",
        "X509 CA prepared", "X509 CA activated", "Creating a new CA journal entry",
        "Successfully stored CA journal entry in datastore", "Successfully rotated X.509 CA", "Preparing JWT key",
        "JWT key prepared", "JWT key activated",
      ]))
    let id = try #require(fixture.authority.activeX509CA).authorityID
    #expect(
      fixture.log.line("X509 CA prepared")
        == "info|X509 CA prepared|expiration=2026-11-22 20:30:00 +0000 UTC issued_at=2026-11-21 20:30:00 +0000 UTC "
        + "local_authority_id=\(id) self_signed=true slot=A subsystem_name=ca_manager upstream_authority_id=")
    #expect(
      fixture.log.line("Journal loaded")
        == "info|Journal loaded|jwt_keys=0 subsystem_name=ca_manager wit_keys=0 x509_cas=0")
    #expect(
      fixture.log.line("Successfully rotated X.509 CA")
        == "debug|Successfully rotated X.509 CA|subsystem_name=ca_manager trust_domain_id=spiffe://example.org ttl=86400.0"
    )
  }

  @Test func metricsAreCounted() async throws {
    let fixture = Fixture()
    let manager = try await fixture.start()
    await manager.pruneBundle()
    _ = try await fixture.authority.issueX509SVID(
      X509SVIDRequest(id: Fixture.id("/w"), publicKey: Fixture.workloadKey()))
    for key in [
      "ca.manager.x509_ca.prepare OK", "ca.manager.x509_ca.activate", "ca.manager.jwt_key.prepare OK",
      "manager.jwt_key.activate", "ca.manager.bundle.prune OK", "server_ca.sign.x509_svid",
    ] { #expect(fixture.counters[key] == 1, "\(key)") }
    #expect(fixture.counters.gauges.withLock { $0["manager.x509_ca.rotate.ttl"] } == 86_400)
    fixture.store.fail("pruneBundle")
    await manager.pruneBundle()
    #expect(fixture.counters["ca.manager.bundle.prune Unavailable"] == 1)
  }

  @Test func aRestartKeepsTheAuthorities() async throws {
    let fixture = Fixture()
    let manager = try await fixture.start()
    _ = try await manager.prepareX509Authority()
    _ = try await manager.prepareJWTAuthority()
    let (again, authority) = try await fixture.restart()
    #expect(authority.activeX509CA?.certificate == fixture.authority.activeX509CA?.certificate)
    #expect(authority.activeJWTKey?.keyID == fixture.authority.activeJWTKey?.keyID)
    #expect(try await again.x509Authorities() == (try await manager.x509Authorities()))
    #expect(try await again.jwtAuthorities() == (try await manager.jwtAuthorities()))
    #expect(fixture.store.state.withLock { $0.journals.count } == 1)
    #expect(fixture.bundle.x509Authorities.count == 2)
  }

  @Test func keysThatTheDatabaseDoesNotKnowAreNotReplacedInSilence() async throws {
    let fixture = Fixture()
    _ = try await fixture.start()
    _ = try await fixture.keys.generateKey(id: "bundle-acme-example.org", type: .ecP256)
    let warning = "The key manager has CA keys that this database does not know"
    #expect(!fixture.log.messages.contains { $0.hasPrefix(warning) })
    // The same keys, and a database that is empty.
    let other = Fixture(keys: fixture.keys)
    _ = try await other.start()
    let messages = other.log.messages
    let index = try #require(messages.firstIndex { $0.hasPrefix(warning) })
    #expect(try #require(messages.firstIndex(of: "Preparing X509 CA")) > index)
    let line = try #require(other.log.line(messages[index]))
    #expect(line.hasPrefix("warning|") && line.contains("key_ids=JWT-Signer-A,x509-CA-A "))
    // It belongs together again after that.
    _ = try await other.restart()
    #expect(other.log.messages.count { $0.hasPrefix(warning) } == 1)
  }

  @Test func withoutItsKeysAServerBeginsAnew() async throws {
    let fixture = Fixture()
    _ = try await fixture.start()
    let other = Fixture(keys: MemoryKeyManager())
    other.store.state.withLock { state in state = fixture.store.state.withLock { $0 } }
    _ = try await other.start()
    #expect(other.authority.activeX509CA?.authorityID != fixture.authority.activeX509CA?.authorityID)
    #expect(other.bundle.x509Authorities.count == 2)
    // Its own row: the other server's stays.
    #expect(other.store.state.withLock { $0.journals.count } == 2)
  }

  @Test func preparesAtHalfAndActivatesAtFiveSixths() async throws {
    let fixture = Fixture()
    let manager = try await fixture.start()
    let first = try #require(fixture.authority.activeX509CA)
    fixture.time.advance(by: .seconds(12 * 3600))
    await manager.rotate()
    #expect(fixture.bundle.x509Authorities.count == 1)
    fixture.time.advance(by: .seconds(10))
    await manager.rotate()
    #expect(fixture.bundle.x509Authorities.count == 2 && fixture.bundle.jwtAuthorities.count == 2)
    #expect(fixture.authority.activeX509CA?.authorityID == first.authorityID)
    let prepared = try #require(try await manager.x509Authorities().prepared)
    fixture.time.advance(by: .seconds(8 * 3600))
    await manager.rotate()
    #expect(fixture.authority.activeX509CA?.authorityID == prepared.authorityID)
    #expect(try await manager.x509Authorities().old?.authorityID == first.authorityID)
    let (_, authority) = try await fixture.restart()
    #expect(authority.activeX509CA?.authorityID == prepared.authorityID)
  }

  @Test func aMonthOfRotationsAlwaysHasAPublishedValidSigner() async throws {
    let fixture = Fixture()
    var manager = try await fixture.start()
    var authority = fixture.authority
    for hour in 0..<(30 * 24) {
      fixture.time.advance(by: .seconds(3600))
      await manager.rotate()
      if hour % 6 == 0 { await manager.pruneBundle() }
      if hour % 50 == 49 { (manager, authority) = try await fixture.restart() }
      let ca = try #require(authority.activeX509CA)
      let jwt = try #require(authority.activeJWTKey)
      #expect(ca.expiresAt > fixture.time.now && jwt.expiresAt > fixture.time.now)
      #expect(fixture.bundle.x509Authorities.contains { $0.der == ca.certificate })
      #expect(fixture.bundle.jwtAuthorities.contains { $0.keyID == jwt.keyID })
    }
    #expect(fixture.bundle.jwtAuthorities.count < 6)
    let row = try #require(fixture.store.state.withLock { $0.journals.values.first })
    #expect(try Journal(rowID: 1, data: row.data).entries.x509Cas.count == 10)
  }

  @Test func aLongSleepEndsWithAFreshAuthority() async throws {
    let fixture = Fixture()
    let manager = try await fixture.start()
    fixture.time.advance(by: .seconds(20 * 86_400))
    await manager.rotate()
    let ca = try #require(fixture.authority.activeX509CA)
    #expect(ca.expiresAt == fixture.time.now.addingTimeInterval(86_400))
    #expect(fixture.bundle.x509Authorities.contains { $0.der == ca.certificate })
  }

  @Test func failuresAreCountedAndHealed() async throws {
    let fixture = Fixture()
    let manager = try await fixture.start()
    let first = fixture.authority.activeX509CA?.authorityID
    fixture.time.advance(by: .seconds(13 * 3600))
    fixture.store.fail("appendBundle")
    for _ in 0..<5 { await manager.rotate() }
    // Two failures in each pass: X.509 and JWT.
    #expect(manager.health.rotationError == nil)
    await manager.rotate()
    #expect(manager.health.rotationError == "rotations exceed the threshold number of failures")
    #expect(fixture.log.line("Unable to rotate X509 CA")?.contains("database is locked") == true)
    #expect(fixture.authority.activeX509CA?.authorityID == first)
    #expect(fixture.counters["ca.manager.x509_ca.prepare Unavailable"] == 6)
    fixture.store.fail()
    await manager.rotate()
    #expect(manager.health.rotationError == nil)
    #expect(fixture.bundle.x509Authorities.count == 2)
  }

  @Test func anAuthorityThatCouldNotBePublishedNeverSigns() async throws {
    let fixture = Fixture()
    fixture.store.fail("appendBundle")
    let error = await #expect(throws: AuthorityError.self) { try await fixture.start() }
    #expect(error == AuthorityError(.unavailable, ""))
    #expect(error?.message == "unable to prepare X509 CA: database is locked")
    #expect(fixture.authority.activeX509CA == nil)
    await #expect(throws: AuthorityError(.unavailable, "")) {
      try await fixture.authority.issueX509SVID(
        X509SVIDRequest(id: Fixture.id("/w"), publicKey: Fixture.workloadKey()))
    }
  }

  @Test func activationWaitsForTheJournalWhileTheOldAuthorityIsValid() async throws {
    let fixture = Fixture()
    let manager = try await fixture.start()
    let first = try #require(fixture.authority.activeX509CA)
    fixture.time.advance(by: .seconds(13 * 3600))
    await manager.rotate()
    fixture.time.advance(by: .seconds(9 * 3600))
    fixture.store.fail("setCAJournal")
    await manager.rotate()
    #expect(fixture.authority.activeX509CA?.authorityID == first.authorityID)
    // Once the old one has expired, a published authority signs even so.
    fixture.time.advance(by: .seconds(3 * 3600))
    await manager.rotate()
    let second = try #require(fixture.authority.activeX509CA)
    #expect(second.authorityID != first.authorityID)
    #expect(fixture.bundle.x509Authorities.contains { $0.der == second.certificate })
  }

  @Test func aStartDuringAnOutageUsesTheValidAuthority() async throws {
    let fixture = Fixture()
    _ = try await fixture.start()
    let first = try #require(fixture.authority.activeX509CA)
    // Past the activation threshold, and the new one cannot be published.
    fixture.time.advance(by: .seconds(23 * 3600))
    fixture.store.fail("appendBundle")
    let (manager, authority) = try await fixture.restart()
    #expect(authority.activeX509CA?.authorityID == first.authorityID)
    #expect(authority.activeJWTKey != nil)
    fixture.store.fail()
    await manager.rotate()
    #expect(authority.activeX509CA?.authorityID == first.authorityID)
    await manager.rotate()
    #expect(authority.activeX509CA?.authorityID != first.authorityID)
  }

  @Test func aLateAuthorityIsPublishedOnePassBeforeItSigns() async throws {
    let fixture = Fixture()
    _ = try await fixture.start()
    let first = try #require(fixture.authority.activeX509CA)
    let firstJWT = try #require(fixture.authority.activeJWTKey)
    // The server was away at the time of preparation and of activation.
    fixture.time.advance(by: .seconds(21 * 3600))
    let (manager, authority) = try await fixture.restart()
    #expect(authority.activeX509CA?.authorityID == first.authorityID && authority.activeJWTKey?.keyID == firstJWT.keyID)
    let prepared = try #require(try await manager.x509Authorities().prepared)
    #expect(fixture.bundle.x509Authorities.count == 2 && fixture.bundle.jwtAuthorities.count == 2)
    fixture.time.advance(by: .seconds(10))
    await manager.rotate()
    #expect(
      authority.activeX509CA?.authorityID == prepared.authorityID && authority.activeJWTKey?.keyID != firstJWT.keyID)
  }

  @Test func aPrunedRowIsMadeAgain() async throws {
    let fixture = Fixture()
    let manager = try await fixture.start()
    fixture.store.state.withLock { $0.journals = [:] }
    _ = try await manager.prepareX509Authority()
    let (_, authority) = try await fixture.restart()
    #expect(authority.activeX509CA?.authorityID == fixture.authority.activeX509CA?.authorityID)
  }

  @Test func aDamagedJournalStopsTheStart() async throws {
    let fixture = Fixture()
    _ = try await fixture.start()
    fixture.store.state.withLock { state in
      for id in state.journals.keys { state.journals[id]?.data = [0xFF, 0xFF] }
    }
    let error = await #expect(throws: AuthorityError.self) { try await fixture.restart() }
    #expect(error?.message.contains("is damaged") == true)
  }

  @Test(arguments: [KeyType.ecP384, .rsa2048]) func otherKindsOfAuthorities(_ type: KeyType) async throws {
    let fixture = Fixture(settings: CAManagerConfiguration(x509KeyType: type))
    _ = try await fixture.start()
    let issued = try await fixture.authority.issueX509SVID(
      X509SVIDRequest(id: Fixture.id("/w"), publicKey: Fixture.workloadKey()))
    let verified = try X509SVIDVerifier(bundle: fixture.bundle).verify(chain: issued.chain, at: fixture.time.now)
    #expect(verified.id == Fixture.id("/w"))
    let jwt = try await fixture.authority.issueJWTSVID(JWTSVIDRequest(id: Fixture.id("/w"), audience: ["a"]))
    let key = try #require(fixture.authority.activeJWTKey)
    #expect(try CompactJWS(parsing: jwt.token).isSigned(by: key.key.publicKey))
    let (_, again) = try await fixture.restart()
    #expect(again.activeX509CA?.authorityID == fixture.authority.activeX509CA?.authorityID)
  }

  @Test func withoutJWTSVIDsThereAreNoJWTKeys() async throws {
    let fixture = Fixture(
      CredentialConfiguration(trustDomain: Fixture.trustDomain, jwtSVIDsAreDisabled: true))
    let manager = try await fixture.start()
    #expect(fixture.bundle.jwtAuthorities.isEmpty)
    #expect(try await fixture.keys.keys().map(\.id) == ["x509-CA-A"])
    await #expect(throws: AuthorityError(.unimplemented, "")) {
      try await fixture.authority.issueJWTSVID(JWTSVIDRequest(id: Fixture.id("/w"), audience: ["a"]))
    }
    await #expect(throws: AuthorityError(.unimplemented, "")) { try await manager.prepareJWTAuthority() }
    let error = await #expect(throws: AuthorityError.self) { try await manager.jwtAuthorities() }
    #expect(error?.message == "JWT functionality is disabled")
  }
}

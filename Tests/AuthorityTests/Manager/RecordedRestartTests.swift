import Daemon
import DaemonTesting
import DatastoreAPI
import Foundation
import Keys
import SPIFFE
import SQLDatastore
import Synchronization
import Testing

@testable import Authority

/// Keys and journal of the established implementation: the same authorities become active and prepared.
@Suite struct RecordedRestartTests {
  @Test func theRecordedAuthoritiesSignAgain() async throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "keys-\(UUID().uuidString).json").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data(Recorded.serverKeys.utf8).write(to: URL(fileURLWithPath: path))
    let fixture = Fixture(keys: try await DiskKeyManager.open(keysPath: path))
    fixture.store.state.withLock { state in
      state.bundles[Fixture.trustDomain] = JournalTests.bundle
      state.journals[1] = CAJournal(id: 1, data: Recorded.journal, activeX509AuthorityID: Recorded.activeX509)
      state.nextID = 2
    }
    let manager = try await fixture.start()
    let x509 = try await manager.x509Authorities()
    #expect(x509.active.authorityID == Recorded.activeX509 && x509.prepared?.authorityID == Recorded.preparedX509)
    #expect(x509.active.expiresAt == 1_795_378_245)
    let jwt = try await manager.jwtAuthorities()
    #expect(jwt.active.authorityID == Recorded.activeJWT && jwt.prepared?.authorityID == Recorded.preparedJWT)
    #expect(fixture.store.state.withLock { $0.appends } == 0)
    #expect(
      fixture.log.line("Found a CA journal record that matches with a local X509 authority ID")?
        .contains("ca_journal_id=1 local_authority_id=\(Recorded.activeX509)") == true)
    // Nothing changed, so nothing is rewritten: the established implementation can take over again.
    #expect(fixture.store.state.withLock { $0.journals[1]?.data } == Recorded.journal)
    #expect(try String(contentsOfFile: path, encoding: .utf8) == Recorded.serverKeys)

    let issued = try await fixture.authority.issueX509SVID(
      X509SVIDRequest(id: Fixture.id("/w"), publicKey: Fixture.workloadKey()))
    #expect(
      try X509SVIDVerifier(bundle: JournalTests.bundle).verify(chain: issued.chain, at: fixture.time.now).id
        == Fixture.id("/w"))
    // Past the recorded activation time the recorded prepared authority takes over.
    fixture.time.advance(by: .seconds(20 * 3600))
    await manager.rotate()
    #expect(fixture.authority.activeX509CA?.authorityID == Recorded.preparedX509)
    #expect(fixture.authority.activeJWTKey?.keyID == Recorded.preparedJWT)
  }

  /// The same over a copy of the recorded datastore itself.
  @Test func theRecordedDatastoreOpensAndItsAuthoritiesSign() async throws {
    let recorded = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appending(path: "../../SQLDatastoreTests/Recorded/datastore-v25.sqlite3").standardizedFileURL
    let folder = FileManager.default.temporaryDirectory.appending(path: "recorded-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let database = folder.appending(path: "datastore.sqlite3")
    try Data(contentsOf: recorded).write(to: database)
    try Data(Recorded.serverKeys.utf8).write(to: folder.appending(path: "keys.json"))

    let time = TestTime(Recorded.now)
    let log = LogCapture()
    let store = try await SQLDatastore.open(
      SQLDatastoreConfiguration(databaseType: "sqlite3", connectionString: database.path), logger: log.logger,
      metrics: .none, time: time)
    let authority = CertificateAuthority(
      configuration: CredentialConfiguration(trustDomain: Fixture.trustDomain), time: time, metrics: .none)
    let manager = try await CAManager.start(
      configuration: CAManagerConfiguration(), authority: authority,
      keyManager: try await DiskKeyManager.open(keysPath: folder.path + "/keys.json"), datastore: store, time: time,
      metrics: .none, logger: log.logger)
    #expect(authority.activeX509CA?.authorityID == Recorded.activeX509)
    #expect(authority.activeJWTKey?.keyID == Recorded.activeJWT)
    #expect(try await manager.x509Authorities().prepared?.authorityID == Recorded.preparedX509)
    #expect(try await manager.jwtAuthorities().prepared?.authorityID == Recorded.preparedJWT)

    // Rotation goes on in the recorded row.
    time.advance(by: .seconds(20 * 3600))
    await manager.rotate()
    #expect(authority.activeX509CA?.authorityID == Recorded.preparedX509)
    #expect(authority.activeJWTKey?.keyID == Recorded.preparedJWT)
    let rows = try await store.listCAJournals()
    #expect(rows.map(\.id) == [1] && rows[0].activeX509AuthorityID == Recorded.preparedX509)
    // The recorded pair was made in one second, so its successor, prepared a moment ago, is due at the next start.
    let prepared = try #require(try await manager.x509Authorities().prepared)
    let again = CertificateAuthority(configuration: authority.configuration, time: time, metrics: .none)
    _ = try await CAManager.start(
      configuration: CAManagerConfiguration(), authority: again,
      keyManager: try await DiskKeyManager.open(keysPath: folder.path + "/keys.json"), datastore: store, time: time,
      metrics: .none, logger: log.logger)
    #expect(again.activeX509CA?.authorityID == prepared.authorityID)
    await store.close()
  }
}

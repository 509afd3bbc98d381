import Daemon
import DatastoreAPI
import Foundation
import SPIFFE
import SPIREProtos
import SwiftProtobuf
import Synchronization
import Testing

@testable import Authority

/// What a rotation under way leaves in the journal, and what the manager says about it.
@Suite struct RotationStateTests {
  private func journal(_ fixture: Fixture) throws -> JournalEntries {
    let row = try #require(fixture.store.state.withLock { $0.journals.values.first })
    return try JournalEntries(serializedBytes: row.data)
  }

  @Test func aRotationIsRememberedUntilTheOldAuthorityIsRevoked() async throws {
    let fixture = Fixture()
    let manager = try await fixture.start()
    let first = try await manager.x509Authorities().active.authorityID
    let prepared = try await manager.prepareX509Authority()
    #expect(try await manager.rotation(.x509).preparedRoots == [prepared.authorityID])
    #expect(try await manager.rotation(.x509).rotatingFrom == nil)
    _ = try await manager.activateX509Authority(id: prepared.authorityID, beginsRotation: true)
    var state = try await manager.rotation(.x509)
    #expect(state.rotatingFrom == first && state.oldRoot == first && state.oldRoots == [first])
    #expect(!state.oldSignedEarlier && !state.hasUpstream)
    #expect(try journal(fixture).rotatingX509 == first)
    fixture.time.advance(by: .seconds(1))
    let (again, _) = try await fixture.restart()
    state = try await again.rotation(.x509)
    #expect(state.rotatingFrom == first && state.oldSignedEarlier)
    _ = try await again.taintX509Authority(id: first)
    _ = try await again.revokeX509Authority(id: first)
    #expect(try await again.rotation(.x509).rotatingFrom == nil)
    // Nothing is left that upstream would not have written.
    let row = try #require(fixture.store.state.withLock { $0.journals.values.first })
    var plain = try JournalEntries(serializedBytes: row.data)
    plain.rotatingX509 = ""
    let bytes: [UInt8] = try plain.serializedBytes()
    #expect(row.data == bytes)
  }

  @Test func anActivationByHandOrAnotherPreparationEndsIt() async throws {
    let fixture = Fixture()
    let manager = try await fixture.start()
    let second = try await manager.prepareJWTAuthority().authorityID
    _ = try await manager.activateJWTAuthority(id: second, beginsRotation: true)
    #expect(try await manager.rotation(.jwt).rotatingFrom != nil)
    let third = try await manager.prepareJWTAuthority().authorityID
    #expect(try await manager.rotation(.jwt).rotatingFrom == nil)
    _ = try await manager.activateJWTAuthority(id: third)
    #expect(try await manager.rotation(.jwt).rotatingFrom == nil)
    #expect(try await manager.rotation(.jwt).oldRoot == second)
  }

  @Test func whoDoesNotConfirmKeepsTheAuthorityFromSigning() async throws {
    let fixture = Fixture()
    let manager = try await fixture.start()
    let prepared = try await manager.prepareX509Authority()
    struct Refused: Error {}
    await #expect(throws: Refused.self) {
      _ = try await manager.activateX509Authority(
        id: prepared.authorityID,
        confirm: { ids in
          #expect(ids == [prepared.authorityID])
          throw Refused()
        })
    }
    #expect(try await manager.x509Authorities().prepared == prepared)
    #expect(fixture.authority.activeX509CA?.authorityID != prepared.authorityID)
    // What cannot be activated anyway is refused before anybody is asked.
    await #expect(throws: AuthorityError.self) {
      _ = try await manager.activateX509Authority(id: "00", confirm: { _ in throw Refused() })
    }
  }

  @Test func theEndOfWhatAnAuthoritySignedIsKnown() async throws {
    let fixture = Fixture()
    let manager = try await fixture.start()
    let first = try await manager.x509Authorities().active.authorityID
    _ = try await fixture.authority.issueX509SVID(
      X509SVIDRequest(
        id: Fixture.id("/web"), publicKey: Fixture.workloadKey(), dnsNames: [], ttl: .seconds(7200)))
    _ = try await fixture.authority.issueX509SVID(
      X509SVIDRequest(id: Fixture.id("/web"), publicKey: Fixture.workloadKey(), dnsNames: [], ttl: .seconds(60)))
    let prepared = try await manager.prepareX509Authority()
    _ = try await manager.activateX509Authority(id: prepared.authorityID)
    let state = try await manager.rotation(.x509)
    #expect(state.authorities.old?.authorityID == first)
    #expect(state.oldLastEnd == Int64(fixture.time.now.timeIntervalSince1970) + 7200)
  }
}

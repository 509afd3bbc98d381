import Daemon
import Foundation
import SPIFFE
import Testing

@testable import Authority

/// The rules of server-behaviour §1.9, with their texts.
@Suite struct LocalAuthorityTests {
  @Test func x509FromPreparationToRevocation() async throws {
    let fixture = Fixture()
    let manager = try await fixture.start()
    let first = try await manager.x509Authorities().active.authorityID
    let prepared = try await manager.prepareX509Authority()
    #expect(try await manager.x509Authorities().prepared == prepared)

    #expect(
      await failure { _ = try await manager.activateX509Authority(id: "") }! == (
        .invalidArgument, "no authority ID provided"
      ))
    #expect(
      await failure { _ = try await manager.activateX509Authority(id: "00") }! == (
        .invalidArgument, "unexpected authority ID"
      ))
    #expect(
      await failure { _ = try await manager.taintX509Authority(id: prepared.authorityID) }!
        == (
          .invalidArgument,
          "only Old local authorities can be tainted: unsupported local authority status: PREPARED"
        ))
    #expect(try await manager.activateX509Authority(id: prepared.authorityID) == prepared)
    #expect(fixture.authority.activeX509CA?.authorityID == prepared.authorityID)
    let state = try await manager.x509Authorities()
    #expect(state.old?.authorityID == first && state.prepared == nil)

    #expect(
      await failure { _ = try await manager.activateX509Authority(id: first) }!
        == (.internal, "only Prepared authorities can be activated: unsupported local authority status: OLD"))
    #expect(
      await failure { _ = try await manager.taintX509Authority(id: prepared.authorityID) }!
        == (.invalidArgument, "unable to taint current local authority"))
    #expect(
      await failure { _ = try await manager.revokeX509Authority(id: prepared.authorityID) }!
        == (.invalidArgument, "invalid authority ID: unable to use current authority"))
    #expect(
      await failure { _ = try await manager.revokeX509Authority(id: "00") }!
        == (.invalidArgument, "invalid authority ID: only Old local authority can be revoked"))
    #expect(
      await failure { _ = try await manager.revokeX509Authority(id: "") }!
        == (.invalidArgument, "invalid authority ID: no authority ID provided"))
    #expect(
      await failure { _ = try await manager.revokeX509Authority(id: first) }!
        == (.internal, "failed to revoke X.509 authority: it is not possible to revoke an untainted root CA"))

    #expect(try await manager.taintX509Authority(id: first).authorityID == first)
    #expect(fixture.authority.isTainted(x509AuthorityID: first))
    #expect(
      await failure { _ = try await manager.taintX509Authority(id: first) }!
        == (.internal, "failed to taint X.509 authority: root CA is already tainted"))
    // The taint is known again after a restart.
    let (_, authority) = try await fixture.restart()
    #expect(authority.isTainted(x509AuthorityID: first))
    _ = try await manager.revokeX509Authority(id: first)
    #expect(fixture.bundle.x509Authorities.count == 1)
    // What was revoked is not usable after a restart either.
    let (again, _) = try await fixture.restart()
    #expect(try await again.x509Authorities().old == nil)
  }

  @Test func preparingAgainForgetsThePreparedOne() async throws {
    let fixture = Fixture()
    let manager = try await fixture.start()
    let one = try await manager.prepareX509Authority()
    let two = try await manager.prepareX509Authority()
    #expect(one.authorityID != two.authorityID)
    #expect(try await manager.x509Authorities().prepared == two)
    #expect(fixture.bundle.x509Authorities.count == 3)
  }

  @Test func jwtFromPreparationToRevocation() async throws {
    let fixture = Fixture()
    let manager = try await fixture.start()
    let first = try await manager.jwtAuthorities().active.authorityID
    let prepared = try await manager.prepareJWTAuthority()
    #expect(
      await failure { _ = try await manager.revokeJWTAuthority(id: prepared.authorityID) }!
        == (.invalidArgument, "invalid authority ID: unable to use a prepared key"))
    #expect(
      await failure { _ = try await manager.revokeJWTAuthority(id: first) }!
        == (.invalidArgument, "invalid authority ID: unable to use current authority"))
    #expect(
      await failure { _ = try await manager.revokeJWTAuthority(id: "none") }!
        == (.invalidArgument, "invalid authority ID: no JWT authority found with provided authority ID"))
    _ = try await manager.activateJWTAuthority(id: prepared.authorityID)
    #expect(fixture.authority.activeJWTKey?.keyID == prepared.authorityID)
    #expect(
      await failure { _ = try await manager.revokeJWTAuthority(id: first) }!
        == (.internal, "failed to revoke JWT authority: it is not possible to revoke an untainted key"))
    _ = try await manager.taintJWTAuthority(id: first)
    _ = try await manager.revokeJWTAuthority(id: first)
    #expect(fixture.bundle.jwtAuthorities.map(\.keyID) == [prepared.authorityID])
  }

  @Test func rotationAndOperatorsTakeTurns() async throws {
    let fixture = Fixture()
    let manager = try await fixture.start()
    fixture.time.advance(by: .seconds(13 * 3600))
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<5 {
        group.addTask { await manager.rotate() }
        group.addTask { _ = try? await manager.prepareX509Authority() }
      }
    }
    // Whatever the order: the slots and the journal agree, as a restart shows.
    let (again, _) = try await fixture.restart()
    #expect(try await again.x509Authorities() == (try await manager.x509Authorities()))
  }
}

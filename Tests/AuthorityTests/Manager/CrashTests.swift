import Daemon
import DaemonTesting
import DatastoreAPI
import Foundation
import Keys
import SPIFFE
import Synchronization
import Testing

@testable import Authority

/// Ends the "process" at each of its effects in turn, before or after the effect, and starts another one over what is left.
@Suite struct CrashTests {
  struct Killed: Error {}

  /// Counts effects, and lets none through from the fatal one on.
  final class Fate: Sendable {
    struct State {
      var effects = 0
      var fatal: Int?
      var isBefore = true
      var isDead = false
    }
    let state = Mutex(State())

    func die(at effect: Int?, before: Bool) {
      state.withLock { $0 = State(effects: 0, fatal: effect, isBefore: before, isDead: false) }
    }

    /// Whether the effect happens, and whether its caller hears of it.
    func effect() -> (happens: Bool, returns: Bool) {
      state.withLock { state in
        guard !state.isDead else { return (false, false) }
        defer { state.effects += 1 }
        guard state.effects == state.fatal else { return (true, true) }
        state.isDead = true
        return (!state.isBefore, false)
      }
    }
    var isDead: Bool { state.withLock { $0.isDead } }
    var effects: Int { state.withLock { $0.effects } }
  }

  struct MortalKeys: KeyManager {
    let base: any KeyManager
    let fate: Fate

    func generateKey(id: String, type: KeyType) async throws -> any ManagedKey {
      let (happens, returns) = fate.effect()
      guard happens else { throw Killed() }
      let key = try await base.generateKey(id: id, type: type)
      guard returns else { throw Killed() }
      return key
    }
    func key(id: String) async throws -> (any ManagedKey)? { try await base.key(id: id) }
    func keys() async throws -> [any ManagedKey] { try await base.keys() }
  }

  /// The writes of the CA manager; reads pass.
  final class MortalStore: BundleStore, AuthorityRevocationStore, CAJournalStore {
    let base: MemoryCADatastore
    let fate: Fate
    init(_ base: MemoryCADatastore, _ fate: Fate) {
      self.base = base
      self.fate = fate
    }

    private static let killed = DatastoreError(.unavailable, "killed")

    func appendBundle(_ bundle: SPIFFE.Bundle) async throws(DatastoreError) -> SPIFFE.Bundle {
      let (happens, returns) = fate.effect()
      guard happens else { throw Self.killed }
      let result = try await base.appendBundle(bundle)
      guard returns else { throw Self.killed }
      return result
    }
    func setCAJournal(_ journal: CAJournal) async throws(DatastoreError) -> CAJournal {
      let (happens, returns) = fate.effect()
      guard happens else { throw Self.killed }
      let result = try await base.setCAJournal(journal)
      guard returns else { throw Self.killed }
      return result
    }
    func fetchBundle(of trustDomain: TrustDomain) async throws(DatastoreError) -> SPIFFE.Bundle? {
      try await base.fetchBundle(of: trustDomain)
    }
    func listBundles(page: Page?) async throws(DatastoreError) -> Listing<SPIFFE.Bundle> {
      try await base.listBundles(page: page)
    }
    func countBundles() async throws(DatastoreError) -> Int { try await base.countBundles() }
    func createBundle(_ bundle: SPIFFE.Bundle) async throws(DatastoreError) -> SPIFFE.Bundle { throw Self.killed }
    func updateBundle(_ bundle: SPIFFE.Bundle, mask: BundleMask) async throws(DatastoreError) -> SPIFFE.Bundle {
      throw Self.killed
    }
    func setBundle(_ bundle: SPIFFE.Bundle) async throws(DatastoreError) -> SPIFFE.Bundle { throw Self.killed }
    func pruneBundle(of trustDomain: TrustDomain, expiredBy time: Int64) async throws(DatastoreError) -> Bool { false }
    func deleteBundle(of trustDomain: TrustDomain, mode: BundleDeletionMode) async throws(DatastoreError) {}
    func taintX509Authority(subjectKeyID: String, of trustDomain: TrustDomain) async throws(DatastoreError) {}
    func revokeX509Authority(subjectKeyID: String, of trustDomain: TrustDomain) async throws(DatastoreError) {}
    func taintJWTAuthority(keyID: String, of trustDomain: TrustDomain) async throws(DatastoreError) -> JWTAuthority {
      throw Self.killed
    }
    func revokeJWTAuthority(keyID: String, of trustDomain: TrustDomain) async throws(DatastoreError) -> JWTAuthority {
      throw Self.killed
    }
    func taintWITAuthority(keyID: String, of trustDomain: TrustDomain) async throws(DatastoreError) -> JWTAuthority {
      throw Self.killed
    }
    func revokeWITAuthority(keyID: String, of trustDomain: TrustDomain) async throws(DatastoreError) -> JWTAuthority {
      throw Self.killed
    }
    func fetchCAJournal(activeX509AuthorityID: String) async throws(DatastoreError) -> CAJournal? {
      try await base.fetchCAJournal(activeX509AuthorityID: activeX509AuthorityID)
    }
    func listCAJournals() async throws(DatastoreError) -> [CAJournal] { try await base.listCAJournals() }
    func deleteCAJournal(id: Int64) async throws(DatastoreError) { try await base.deleteCAJournal(id: id) }
    func pruneCAJournals(allExpiredBefore time: Int64) async throws(DatastoreError) -> Int { 0 }
  }

  /// One machine: what survives a crash, and what runs on it.
  final class Machine: Sendable {
    let time = TestTime(Recorded.now)
    let disk = MemoryCADatastore()
    let keys = MemoryKeyManager()
    let fate = Fate()

    func start() async throws -> (CAManager, CertificateAuthority) {
      let authority = CertificateAuthority(
        configuration: CredentialConfiguration(trustDomain: Fixture.trustDomain), time: time, metrics: .none)
      let manager = try await CAManager.start(
        configuration: CAManagerConfiguration(), authority: authority, keyManager: MortalKeys(base: keys, fate: fate),
        datastore: MortalStore(disk, fate), time: time, metrics: .none, logger: LogCapture().logger)
      return (manager, authority)
    }

    /// What signs is published and valid. Returns the signer.
    func check(_ authority: CertificateAuthority, _ place: String) async throws -> String {
      let bundle =
        disk.state.withLock { $0.bundles[Fixture.trustDomain] } ?? SPIFFE.Bundle(trustDomain: Fixture.trustDomain)
      let issued = try await authority.issueX509SVID(
        X509SVIDRequest(id: Fixture.id("/w"), publicKey: Fixture.workloadKey()))
      #expect(throws: Never.self, "\(place)") {
        try X509SVIDVerifier(bundle: bundle).verify(chain: issued.chain, at: time.now)
      }
      if let key = authority.activeJWTKey {
        #expect(bundle.jwtAuthorities.contains(key.authority), "\(place)")
      }
      return issued.authorityID
    }
  }

  /// A first start, the preparation and the activation of the next authorities.
  private func life(of machine: Machine, _ signers: (String) -> Void, _ place: String) async throws {
    let (manager, authority) = try await machine.start()
    for hours in [0, 13, 8, 13, 8] {
      machine.time.advance(by: .seconds(hours * 3600))
      await manager.rotate()
      // A dead process signs nothing more. What it signed until then counts.
      if machine.fate.isDead { throw Killed() }
      signers(try await machine.check(authority, place))
    }
  }

  @Test(arguments: [true, false]) func everyCrashLeavesAServerThatGoesOn(_ before: Bool) async throws {
    let rehearsal = Machine()
    try await life(of: rehearsal, { _ in }, "rehearsal")
    let effects = rehearsal.fate.effects
    #expect(effects >= 20)
    for effect in 0..<effects {
      let place = "\(before ? "before" : "after") effect \(effect)"
      let machine = Machine()
      machine.fate.die(at: effect, before: before)
      var last: String?
      do {
        try await life(of: machine, { last = $0 }, place)
        Issue.record("\(place) did not happen")
      } catch {}
      machine.fate.die(at: nil, before: true)
      let (manager, authority) = try await machine.start()
      let signer = try await machine.check(authority, place)
      // The same authority signs, unless its successor had been made ACTIVE in the journal or was due.
      if let last, signer != last {
        let journals = machine.disk.state.withLock { Array($0.journals.values) }
        #expect(journals.map(\.activeX509AuthorityID) == [signer], "\(place)")
      }
      for _ in 0..<3 {
        machine.time.advance(by: .seconds(9 * 3600))
        await manager.rotate()
        _ = try await machine.check(authority, place)
      }
    }
  }
}

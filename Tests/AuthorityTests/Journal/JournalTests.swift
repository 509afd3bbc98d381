import Foundation
import Keys
import SPIFFE
import SPIREProtos
import Testing

@testable import Authority

@Suite struct JournalTests {
  static let bundle = SPIFFE.Bundle(
    trustDomain: Fixture.trustDomain,
    x509Authorities: [X509Authority(der: Recorded.caA), X509Authority(der: Recorded.caB)],
    jwtAuthorities: [
      jwtAuthority("JWT-Signer-A", Recorded.activeJWT), jwtAuthority("JWT-Signer-B", Recorded.preparedJWT),
    ])

  static func jwtAuthority(_ key: String, _ id: String) -> JWTAuthority {
    JWTAuthority(publicKey: (try? RecordedCertificateTests.key(key).publicKey.pkix) ?? [], keyID: id)
  }

  static func keys() throws -> [any ManagedKey] {
    try ["JWT-Signer-A", "JWT-Signer-B", "x509-CA-A", "x509-CA-B"].map(RecordedCertificateTests.key)
  }

  static func loader(
    keys: [any ManagedKey]? = nil, bundle: SPIFFE.Bundle? = JournalTests.bundle, now: Date = Recorded.now
  ) throws -> JournalLoader {
    JournalLoader(keys: try keys ?? Self.keys(), bundle: bundle, now: now)
  }

  @Test func theRecordedJournalGivesTheRecordedSlots() throws {
    let journal = try Journal(rowID: 1, data: Recorded.journal)
    #expect(journal.activeX509AuthorityID == Recorded.activeX509)
    #expect(try journal.encoded() == Recorded.journal)
    var loader = try Self.loader()
    let x509 = loader.x509Slots(journal.entries.x509Cas)
    #expect(x509.current.authority?.authorityID == Recorded.activeX509 && x509.current.status == .active)
    #expect(x509.next.authority?.authorityID == Recorded.preparedX509 && x509.next.status == .prepared)
    #expect(x509.current.id == .a && x509.next.id == .b)
    let jwt = loader.slots(.jwt, journal.entries)
    #expect(jwt.current.authority?.authorityID == Recorded.activeJWT && jwt.next.status == .prepared)
    #expect(loader.discarded.isEmpty)
  }

  @Test func whatCannotBeUsedIsDiscarded() throws {
    let entries = try Journal(rowID: 1, data: Recorded.journal).entries.x509Cas
    func reason(
      _ change: (inout JournalX509CAEntry) -> Void = { _ in }, keys: [any ManagedKey]? = nil,
      bundle: SPIFFE.Bundle? = Self.bundle, now: Date = Recorded.now
    ) throws -> String? {
      var entry = entries[0]
      change(&entry)
      var loader = try Self.loader(keys: keys, bundle: bundle, now: now)
      let slots = loader.x509Slots([entry])
      #expect(slots.current.authority == nil || loader.discarded.isEmpty)
      return loader.discarded.first?.reason
    }
    #expect(try reason() == nil)
    #expect(try reason { $0.status = .unknown } == "status is unknown")
    #expect(try reason { $0.status = .UNRECOGNIZED(1) } == "status is unknown")
    #expect(try reason { $0.slotID = "C" } == "slot \"C\" is unknown")
    #expect(try reason(keys: []) == "no key \"x509-CA-A\" in the key manager")
    let other = try SoftwareKey(generating: .ecP256, id: "x509-CA-A")
    #expect(try reason(keys: [other])?.hasPrefix("public key mismatch") == true)
    #expect(try reason(now: Recorded.now.addingTimeInterval(86_400)) == "certificate has expired")
    #expect(
      try reason(bundle: SPIFFE.Bundle(trustDomain: Fixture.trustDomain)) == "certificate is not in the trust bundle")
    #expect(try reason(bundle: nil) == "certificate is not in the trust bundle")
    #expect(try reason { $0.certificate = Data([1, 2, 3]) }?.hasPrefix("malformed certificate") == true)
    // The other CA's certificate in this slot.
    #expect(try reason { $0.certificate = Data(Recorded.caB) }?.hasPrefix("public key mismatch") == true)
    #expect(try reason { $0.authorityID = Recorded.preparedX509 }?.hasPrefix("authority ID mismatch") == true)
  }

  @Test func jwtKeysAreCheckedToo() throws {
    let entries = try Journal(rowID: 1, data: Recorded.journal).entries.jwtKeys
    func reason(_ change: (inout JournalJWTKeyEntry) -> Void, bundle: SPIFFE.Bundle? = Self.bundle) throws -> String? {
      var entry = entries[0]
      change(&entry)
      var loader = try Self.loader(bundle: bundle)
      _ = loader.slots(.jwt, [entry])
      return loader.discarded.first?.reason
    }
    #expect(try reason { _ in } == nil)
    #expect(try reason { $0.notAfter = 1 } == "key has expired")
    #expect(try reason { $0.publicKey = Data() }?.hasPrefix("public key mismatch") == true)
    #expect(try reason { $0.kid = "x" }?.hasPrefix("authority ID mismatch") == true)
    var foreign = Self.bundle
    foreign.jwtAuthorities[0].publicKey = foreign.jwtAuthorities[1].publicKey
    #expect(try reason({ _ in }, bundle: foreign) == "key is not in the trust bundle")
  }

  @Test(arguments: [.max, .max - 1, 253_402_300_800] as [Int64]) func aKeyMayEndAtAnyTime(_ notAfter: Int64) throws {
    var entry = try Journal(rowID: 1, data: Recorded.journal).entries.jwtKeys[0]
    entry.notAfter = notAfter
    var loader = try Self.loader()
    let key = try #require(loader.slots(.jwt, [entry]).current.authority)
    #expect(key.notAfter >= notAfter && key.authority.expiresAt == key.notAfter)
  }

  @Test func withoutAnActiveEntryTheNewestOtherOneBecomesCurrent() throws {
    var entries = try Journal(rowID: 1, data: Recorded.journal).entries.x509Cas
    entries[0].status = .old
    var loader = try Self.loader()
    let slots = loader.x509Slots(entries)
    #expect(slots.current.authority?.authorityID == Recorded.preparedX509)
    #expect(slots.current.id == .b && slots.next.id == .a && slots.next.isEmpty)
    #expect(slots.dueAction(at: Recorded.now) == .activateCurrent)
  }

  @Test func aTaintedAuthorityDoesNotBeginToSignAgain() throws {
    var entries = try Journal(rowID: 1, data: Recorded.journal).entries.x509Cas
    entries[0].status = .old
    entries.removeLast()
    var bundle = Self.bundle
    bundle.x509Authorities[0].tainted = true
    var loader = try Self.loader(bundle: bundle)
    let slots = loader.x509Slots(entries)
    #expect(slots.current.authority == nil && slots.dueAction(at: Recorded.now) == .prepare(.current))
  }

  @Test func theActiveAuthorityIsFoundAmongManyAndInTheOtherSlot() throws {
    var entries = try Journal(rowID: 1, data: Recorded.journal).entries.x509Cas
    entries[0].status = .old
    entries[1].status = .active
    var loader = try Self.loader()
    let slots = loader.x509Slots(entries)
    #expect(slots.current.id == .b && slots.next.id == .a)
    #expect(slots.next.authority?.authorityID == Recorded.activeX509 && slots.next.isEmpty)
    var empty = try Self.loader()
    let fresh = empty.x509Slots([])
    #expect(fresh.current.id == .a && fresh.next.id == .b && fresh.current.isEmpty)
  }

  @Test func activationTurnsTheActiveOneOld() throws {
    var journal = try Journal(rowID: 1, data: Recorded.journal)
    let changed = journal.activateX509(authorityID: Recorded.preparedX509)
    #expect(changed)
    #expect(journal.entries.x509Cas.map(\.status) == [.old, .active])
    #expect(journal.activeX509AuthorityID == Recorded.preparedX509)
    let changedAgain = journal.activateX509(authorityID: Recorded.preparedX509)
    #expect(!changedAgain)
    journal.activate(.jwt, authorityID: Recorded.preparedJWT)
    #expect(journal.entries.jwtKeys.map(\.status) == [.old, .active])
  }

  @Test func tenEntriesOfAKindAreKept() throws {
    var journal = Journal()
    let ca = try X509CA(
      certificate: Recorded.caA, key: try RecordedCertificateTests.key("x509-CA-A"), issuedAt: Recorded.now)
    let key = try RecordedCertificateTests.key("JWT-Signer-A")
    for index in 0..<12 {
      journal.append(ca, in: index % 2 == 0 ? .a : .b)
      journal.append(
        JWTKey(key: key, keyID: "k\(index)", issuedAt: Recorded.now, expiresAt: Recorded.now), in: .a)
    }
    #expect(journal.entries.x509Cas.count == 10)
    #expect(journal.entries.jwtKeys.map(\.kid) == (2..<12).map { "k\($0)" })
  }

  @Test func damagedBytesAreAnErrorThatNamesTheRow() {
    let error = #expect(throws: AuthorityError.self) { try Journal(rowID: 7, data: [0xFF, 0xFF, 0xFF]) }
    #expect(error?.message.contains("CA journal record 7") == true)
    // No cut of the recorded bytes may trap.
    for length in Recorded.journal.indices { _ = try? Journal(rowID: 1, data: Array(Recorded.journal[..<length])) }
  }
}

import DatastoreAPI
import SPIFFE
import Testing

@testable import SQLDatastore

@Suite struct BundleContractTests {
  private func key(_ id: String, expiresAt: Int64 = 500) -> JWTAuthority {
    JWTAuthority(publicKey: [1, 2, 3], keyID: id, expiresAt: expiresAt)
  }

  @Test(arguments: TestEngine.all) func createsUpdatesAndLists(_ engine: TestEngine) async throws {
    try await engine.run { datastore in
      let own = try TrustDomain("example.org")
      let bundle = Bundle(
        trustDomain: own, x509Authorities: [X509Authority(der: [9], tainted: true)], jwtAuthorities: [key("k")],
        witAuthorities: [key("w")], refreshHint: 60, sequenceNumber: 42)
      _ = try await datastore.createBundle(bundle)
      let fetched = try await datastore.fetchBundle(of: own)
      #expect(fetched == bundle)
      let again = await failure { _ = try await datastore.createBundle(bundle) }
      #expect(again?.code == .alreadyExists)
      var change = Bundle(trustDomain: own, x509Authorities: [X509Authority(der: [8])], sequenceNumber: 7)
      let masked = try await datastore.updateBundle(change, mask: [.x509Authorities])
      #expect(masked.x509Authorities == change.x509Authorities)
      #expect(masked.sequenceNumber == 42 && masked.jwtAuthorities == bundle.jwtAuthorities)
      change = try await datastore.setBundle(change)
      let replaced = try await datastore.fetchBundle(of: own)
      #expect(replaced == change)
      let other = Bundle(trustDomain: try TrustDomain("other.test"), sequenceNumber: 3)
      let unknown = await failure { _ = try await datastore.updateBundle(other, mask: .all) }
      #expect(unknown?.code == .notFound)
      _ = try await datastore.setBundle(other)
      let listed = try await datastore.listBundles()
      #expect(listed == [change, other])
      let count = try await datastore.countBundles()
      #expect(count == 2)
      let page = try await datastore.listBundles(page: Page(size: 1))
      #expect(page.items == [change])
      let next = try await datastore.listBundles(page: Page(size: 1, token: page.nextToken))
      #expect(next.items == [other])
      let end = try await datastore.listBundles(page: Page(size: 1, token: next.nextToken))
      #expect(end == Listing([]))
    }
  }

  @Test(arguments: TestEngine.all) func appends(_ engine: TestEngine) async throws {
    try await engine.run { datastore in
      let own = try TrustDomain("example.org")
      let (a, b) = (X509Authority(der: [1]), X509Authority(der: [2]))
      var bundle = try await datastore.appendBundle(Bundle(trustDomain: own, x509Authorities: [a]))
      #expect(bundle.sequenceNumber == 0)
      bundle = try await datastore.appendBundle(Bundle(trustDomain: own, x509Authorities: [a, b]))
      #expect(bundle.x509Authorities == [a, b] && bundle.sequenceNumber == 1)
      bundle = try await datastore.appendBundle(Bundle(trustDomain: own, x509Authorities: [b]))
      #expect(bundle.sequenceNumber == 1)
      let tainted = X509Authority(der: [1], tainted: true)
      bundle = try await datastore.appendBundle(
        Bundle(trustDomain: own, x509Authorities: [tainted], jwtAuthorities: [key("k")], refreshHint: 99))
      #expect(bundle.x509Authorities == [a, b, tainted] && bundle.jwtAuthorities == [key("k")])
      #expect(bundle.sequenceNumber == 2 && bundle.refreshHint == 0)
      let stored = try await datastore.fetchBundle(of: own)
      #expect(stored == bundle)
    }
  }

  @Test(arguments: TestEngine.all) func prunes(_ engine: TestEngine) async throws {
    try await engine.run { datastore in
      let own = try TrustDomain("example.org")
      let none = try await datastore.pruneBundle(of: own, expiredBy: 1)
      #expect(!none)
      let x509 = [X509Authority(der: Certificates.a), X509Authority(der: Certificates.b)]
      let end = Certificates.notAfter
      let bundle = Bundle(
        trustDomain: own, x509Authorities: x509, jwtAuthorities: [key("old"), key("new", expiresAt: end + 9)],
        refreshHint: 60, sequenceNumber: 5)
      _ = try await datastore.setBundle(bundle)
      let nothing = try await datastore.pruneBundle(of: own, expiredBy: 499)
      #expect(!nothing)
      let pruned = try await datastore.pruneBundle(of: own, expiredBy: 500)
      #expect(pruned)
      var expected = bundle
      expected.jwtAuthorities = [key("new", expiresAt: end + 9)]
      expected.refreshHint = 0
      expected.sequenceNumber = 6
      let stored = try await datastore.fetchBundle(of: own)
      #expect(stored == expected)
      let certificates = await failure { _ = try await datastore.pruneBundle(of: own, expiredBy: end) }
      #expect(certificates?.message == "prune failed: would prune all certificates")
      _ = try await datastore.updateBundle(Bundle(trustDomain: own), mask: [.x509Authorities])
      let keys = await failure { _ = try await datastore.pruneBundle(of: own, expiredBy: end + 9) }
      #expect(keys?.message == "prune failed: would prune all JWT signing keys")
      _ = try await datastore.setBundle(Bundle(trustDomain: own, witAuthorities: [key("w")]))
      let wit = await failure { _ = try await datastore.pruneBundle(of: own, expiredBy: 500) }
      #expect(wit?.message == "prune failed: would prune all WIT signing keys")
    }
  }

  @Test(arguments: TestEngine.all) func taintsAndRevokesX509(_ engine: TestEngine) async throws {
    try await engine.run { datastore in
      let own = try TrustDomain("example.org")
      let away = await failure { try await datastore.taintX509Authority(subjectKeyID: "00", of: own) }
      #expect(away?.code == .notFound)
      let (a, b) = (X509Authority(der: Certificates.a), X509Authority(der: Certificates.b))
      _ = try await datastore.setBundle(Bundle(trustDomain: own, x509Authorities: [a, b], refreshHint: 7))
      func error(_ body: () async throws -> Void) async -> String {
        let error = await failure(body)
        return "\(error?.statusName ?? "OK"): \(error?.message ?? "")"
      }
      #expect(
        await error { try await datastore.taintX509Authority(subjectKeyID: "00", of: own) }
          == "NotFound: no ca found with provided subject key ID")
      #expect(
        await error { try await datastore.revokeX509Authority(subjectKeyID: "00", of: own) }
          == "NotFound: no root CA found with provided subject key ID")
      #expect(
        await error { try await datastore.revokeX509Authority(subjectKeyID: Certificates.aKeyID, of: own) }
          == "InvalidArgument: it is not possible to revoke an untainted root CA")
      try await datastore.taintX509Authority(subjectKeyID: Certificates.aKeyID, of: own)
      var stored = try await datastore.fetchBundle(of: own)
      #expect(stored?.x509Authorities == [X509Authority(der: a.der, tainted: true), b])
      #expect(stored?.sequenceNumber == 1 && stored?.refreshHint == 7)
      #expect(
        await error { try await datastore.taintX509Authority(subjectKeyID: Certificates.aKeyID, of: own) }
          == "InvalidArgument: root CA is already tainted")
      try await datastore.revokeX509Authority(subjectKeyID: Certificates.aKeyID, of: own)
      stored = try await datastore.fetchBundle(of: own)
      #expect(stored?.x509Authorities == [b] && stored?.sequenceNumber == 2)
    }
  }

  @Test(arguments: TestEngine.all) func taintsAndRevokesJWT(_ engine: TestEngine) async throws {
    try await engine.run { datastore in
      let own = try TrustDomain("example.org")
      _ = try await datastore.setBundle(Bundle(trustDomain: own, jwtAuthorities: [key("a"), key("b")]))
      let unknown = await failure { _ = try await datastore.taintJWTAuthority(keyID: "c", of: own) }
      #expect(unknown?.code == .notFound && unknown?.message == "no JWT Key found with provided key ID")
      let untainted = await failure { _ = try await datastore.revokeJWTAuthority(keyID: "a", of: own) }
      #expect(untainted?.code == .invalidArgument)
      #expect(untainted?.message == "it is not possible to revoke an untainted key")
      var tainted = key("a")
      tainted.tainted = true
      let result = try await datastore.taintJWTAuthority(keyID: "a", of: own)
      #expect(result == tainted)
      let again = await failure { _ = try await datastore.taintJWTAuthority(keyID: "a", of: own) }
      #expect(again?.code == .invalidArgument && again?.message == "key is already tainted")
      let revoked = try await datastore.revokeJWTAuthority(keyID: "a", of: own)
      #expect(revoked == tainted)
      let stored = try await datastore.fetchBundle(of: own)
      #expect(stored == Bundle(trustDomain: own, jwtAuthorities: [key("b")], sequenceNumber: 2))
    }
  }

  @Test(arguments: TestEngine.all) func fetchedBundlesDoNotGoBack(_ engine: TestEngine) async throws {
    try await engine.run { datastore in
      let partner = try TrustDomain("partner.test")
      func bundle(_ sequence: UInt64, hint: Int64) -> Bundle {
        Bundle(trustDomain: partner, refreshHint: hint, sequenceNumber: sequence)
      }
      // What is stored: what is fetched, and what stays instead.
      let rows: [(UInt64, UInt64?)] = [(7, nil), (6, 7), (7, nil), (8, nil), (0, nil), (1, nil)]
      for (number, row) in rows.enumerated() {
        let fetched = bundle(row.0, hint: Int64(number))
        let before = try await datastore.fetchBundle(of: partner)
        let newer = try await datastore.setFetchedBundle(fetched)
        #expect(newer == row.1)
        let stored = try await datastore.fetchBundle(of: partner)
        #expect(stored == (row.1 == nil ? fetched : before))
      }
    }
  }

  @Test(arguments: TestEngine.all) func taintsAndRevokesWITAndLeavesJWTAlone(_ engine: TestEngine) async throws {
    try await engine.run { datastore in
      let own = try TrustDomain("example.org")
      // One key ID in both lists: the methods do not mix them up.
      _ = try await datastore.setBundle(
        Bundle(trustDomain: own, jwtAuthorities: [key("a")], witAuthorities: [key("a"), key("b")]))
      let unknown = await failure { _ = try await datastore.taintWITAuthority(keyID: "c", of: own) }
      #expect(unknown?.code == .notFound && unknown?.message == "no WIT Key found with provided key ID")
      let untainted = await failure { _ = try await datastore.revokeWITAuthority(keyID: "a", of: own) }
      #expect(untainted?.message == "it is not possible to revoke an untainted key")
      var tainted = key("a")
      tainted.tainted = true
      let result = try await datastore.taintWITAuthority(keyID: "a", of: own)
      #expect(result == tainted)
      let revoked = try await datastore.revokeWITAuthority(keyID: "a", of: own)
      #expect(revoked == tainted)
      let stored = try await datastore.fetchBundle(of: own)
      #expect(
        stored
          == Bundle(trustDomain: own, jwtAuthorities: [key("a")], witAuthorities: [key("b")], sequenceNumber: 2))
    }
  }

  @Test(arguments: TestEngine.all) func deletesByMode(_ engine: TestEngine) async throws {
    try await engine.run { datastore in
      let partner = try TrustDomain("partner.test")
      func fill() async throws -> RegistrationEntry {
        _ = try await datastore.setBundle(Bundle(trustDomain: partner))
        var new = try entry("/web", "unix:uid:1")
        new.federatesWith = [partner]
        return try await datastore.createEntry(new).entry
      }
      let unknown = await failure { try await datastore.deleteBundle(of: partner, mode: .delete) }
      #expect(unknown?.code == .notFound)
      let first = try await fill()
      let restricted = await failure { try await datastore.deleteBundle(of: partner, mode: .restrict) }
      #expect(restricted?.code == .failedPrecondition)
      #expect(restricted?.message == "datastore-sql: cannot delete bundle; federated with 1 registration entries")
      try await datastore.deleteBundle(of: partner, mode: .dissociate)
      let kept = try await datastore.fetchEntry(id: first.id)
      #expect(kept?.federatesWith == [])
      _ = try await datastore.deleteEntry(id: first.id)
      let second = try await fill()
      let before = try await datastore.listEntryEvents(after: 0).count
      try await datastore.deleteBundle(of: partner, mode: .delete)
      let entries = try await datastore.countEntries()
      #expect(entries == 0)
      let events = try await datastore.listEntryEvents(after: 0).dropFirst(before)
      #expect(events.map(\.entryID) == [second.id])
      let bundles = try await datastore.countBundles()
      #expect(bundles == 0)
    }
  }
}

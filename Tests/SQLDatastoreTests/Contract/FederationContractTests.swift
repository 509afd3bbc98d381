import DatastoreAPI
import SPIFFE
import Testing

@testable import SQLDatastore

@Suite struct FederationContractTests {
  @Test(arguments: TestEngine.all) func keepsRelationships(_ engine: TestEngine) async throws {
    try await engine.run { datastore in
      let partner = try TrustDomain("partner.test")
      let bundle = Bundle(trustDomain: partner, sequenceNumber: 4)
      let web = FederationRelationship(
        trustDomain: partner, bundleEndpointURL: "https://partner.test/b", profile: .httpsWeb, bundle: bundle)
      _ = try await datastore.createFederationRelationship(web)
      let duplicate = await failure { _ = try await datastore.createFederationRelationship(web) }
      #expect(duplicate?.code == .alreadyExists)
      let fetched = try await datastore.fetchFederationRelationship(with: partner)
      #expect(fetched == web)
      let other = FederationRelationship(
        trustDomain: try TrustDomain("spiffe.test"), bundleEndpointURL: "https://spiffe.test",
        profile: .httpsSPIFFE(endpointID: try SPIFFEID("spiffe://spiffe.test/spire/server")))
      _ = try await datastore.createFederationRelationship(other)
      let listed = try await datastore.listFederationRelationships()
      #expect(listed == [web, other])
      let page = try await datastore.listFederationRelationships(page: Page(size: 2))
      #expect(page.items == [web, other])
      let end = try await datastore.listFederationRelationships(page: Page(size: 2, token: page.nextToken))
      #expect(end == Listing([]))

      let newer = Bundle(trustDomain: partner, sequenceNumber: 5)
      let change = FederationRelationship(
        trustDomain: partner, bundleEndpointURL: "https://new.test", profile: other.profile, bundle: newer)
      let moved = try await datastore.updateFederationRelationship(change, mask: [.bundleEndpointURL])
      #expect(moved.bundleEndpointURL == "https://new.test" && moved.profile == .httpsWeb && moved.bundle == bundle)
      let all = try await datastore.updateFederationRelationship(change, mask: .all)
      #expect(all == change)
      let stored = try await datastore.fetchFederationRelationship(with: partner)
      #expect(stored == change)

      let wrong = FederationRelationship(
        trustDomain: try TrustDomain("third.test"), bundleEndpointURL: "https://x", profile: .httpsWeb, bundle: bundle)
      let mismatch = await failure { _ = try await datastore.createFederationRelationship(wrong) }
      #expect(mismatch?.code == .invalidArgument)
      try await datastore.deleteFederationRelationship(with: partner)
      let gone = await failure { try await datastore.deleteFederationRelationship(with: partner) }
      #expect(gone?.code == .notFound)
      let kept = try await datastore.fetchBundle(of: partner)
      #expect(kept == newer)
    }
  }
}

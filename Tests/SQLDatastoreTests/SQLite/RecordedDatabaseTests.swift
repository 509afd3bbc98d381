import DatastoreAPI
import Foundation
import SPIFFE
import SPIREProtos
import SwiftProtobuf
import Testing

@testable import SQLDatastore

/// What the established server wrote is read as what it meant.
@Suite struct RecordedDatabaseTests {
  private func run(_ body: (SQLDatastore) async throws -> Void) async throws {
    let folder = try TemporaryFolder()
    let datastore = try await open(folder.recordedDatabase())
    try await body(datastore)
    await datastore.close()
  }

  @Test func entries() async throws {
    try await run { datastore in
      let entries = try await datastore.listEntries()
      #expect(
        entries.map(\.spiffeID.path) == [
          "/host", "/web", "/admin", "/down", "/stored", "/cluster", "/later", "/new", "/new2",
        ])
      var web = try entry("/web", "unix:uid:0", id: "e46c84d1-5f64-4717-825f-e18555744c93")
      web.x509SVIDTTL = 600
      web.jwtSVIDTTL = 120
      web.federatesWith = [try TrustDomain("partner.test")]
      web.dnsNames = ["web.example.org", "www.example.org"]
      web.revisionNumber = 2
      web.hint = "internal"
      web.createdAt = 1_795_291_846  // the row has 45.689…; the recorded `entry show` rounds it as well
      #expect(entries[1] == web)
      #expect(entries[2].admin && entries[3].downstream)
      #expect(entries[4].storeSVID && entries[4].expiresAt == 2_110_651_845)
      #expect(entries[4].selectors == [selector("unix:uid:4243"), selector("unix:gid:12")])
      #expect(entries[5].parentID == (try id("/spire/server")))
      #expect(entries.allSatisfy { $0.additionalAttributes == nil })
      let federated = try await datastore.listEntries(
        EntryFilter(federatesWith: FederatesWithFilter([TrustDomain("partner.test")], match: .exact)))
      #expect(federated == [web])
    }
  }

  @Test func agents() async throws {
    try await run { datastore in
      let agents = try await datastore.listAgents()
      #expect(
        agents == [
          AttestedNode(
            id: try id("/spire/agent/join_token/36403e1f-f58b-4205-aee6-807e22e59864"), attestationType: "join_token",
            serialNumber: "339638746004655794257960729321956709056", expiresAt: 1_795_295_445, agentVersion: "1.15.3")
        ])
      let events = try await datastore.listAgentEvents(after: 0)
      #expect(events.map(\.id) == [1, 2, 3])
    }
  }

  @Test func bundlesAndFederation() async throws {
    try await run { datastore in
      let bundles = try await datastore.listBundles()
      #expect(bundles.map(\.trustDomain.name) == ["example.org", "partner.test"])
      #expect(bundles[0].x509Authorities.map(\.der) == [Certificates.a, Certificates.b])
      #expect(
        bundles[0].jwtAuthorities.map(\.keyID)
          == ["MSibt0CKzhz7r988XJjnfcPGkw12l2zW", "X4RoPNtefgQaiTUfG3cBt8v92KThm2bJ"])
      #expect(bundles[0].sequenceNumber == 3)
      let relationships = try await datastore.listFederationRelationships()
      #expect(
        relationships == [
          FederationRelationship(
            trustDomain: try TrustDomain("partner.test"), bundleEndpointURL: "https://partner.test/bundle",
            profile: .httpsWeb, bundle: bundles[1]),
          FederationRelationship(
            trustDomain: try TrustDomain("spiffe.test"), bundleEndpointURL: "https://spiffe.test:8443",
            profile: .httpsSPIFFE(endpointID: try SPIFFEID("spiffe://spiffe.test/spire/server"))),
        ])
    }
  }

  @Test func journalAndTokens() async throws {
    try await run { datastore in
      let journal = try #require(try await datastore.fetchCAJournal(activeX509AuthorityID: Certificates.aKeyID))
      let entries = try JournalEntries(serializedBytes: journal.data)
      #expect(entries.x509Cas.map(\.status) == [.active, .prepared])
      #expect(entries.x509Cas.map(\.authorityID) == [Certificates.aKeyID, Certificates.bKeyID])
      let token = try await datastore.consumeJoinToken("d3c1446e-d30a-43cf-8b5b-454530c55ff6")
      #expect(token?.expiresAt == 1_796_155_845)
    }
  }

  @Test func agentIsDeletedWithItsAlias() async throws {
    try await run { datastore in
      let agent = try id("/spire/agent/join_token/36403e1f-f58b-4205-aee6-807e22e59864")
      _ = try await datastore.deleteAgent(id: agent)
      let gone = try await datastore.fetchEntry(id: "e6a88d0a-6d71-4182-b452-480110342f9c")
      #expect(gone == nil)
      let count = try await datastore.countEntries()
      #expect(count == 8)
    }
  }

  @Test func bundleBytesSurviveUnchanged() async throws {
    let folder = try TemporaryFolder()
    let path = try folder.recordedDatabase()
    let before = try RawDatabase(path).rows("SELECT hex(data) FROM bundles ORDER BY id")
    let datastore = try await open(path)
    for bundle in try await datastore.listBundles() { _ = try await datastore.setBundle(bundle) }
    await datastore.close()
    let after = try RawDatabase(path).rows("SELECT hex(data) FROM bundles ORDER BY id")
    #expect(before == after)
  }
}

import Authority
import Crypto
import Daemon
import DaemonTesting
import DatastoreAPI
import Foundation
import GRPCCore
import RPC
import SPIFFE
import SPIREProtos
import Testing

@testable import Server

private typealias BundleService = Spire_Api_Server_Bundle_V1_Bundle

/// The Bundle service.
@Suite struct BundleAPITests {
  @Test func anybodyGetsTheBundle() async throws {
    try await TestServer.with { server in
      let stored = try #require(try await server.datastore.fetchBundle(of: TestServer.domain))
      try await server.remote { client in
        var request = Spire_Api_Server_Bundle_V1_GetBundleRequest()
        let bundle = try await BundleService.Client(wrapping: client).getBundle(request)
        #expect(bundle == stored.api(mask: nil))
        #expect(bundle.x509Authorities.count == 1)
        #expect(bundle.jwtAuthorities.count == 1)
        request.outputMask.jwtAuthorities = true
        let masked = try await BundleService.Client(wrapping: client).getBundle(request)
        #expect(masked.x509Authorities.isEmpty)
        #expect(masked.jwtAuthorities.count == 1)
        #expect(masked.trustDomain == "example.org")
      }
    }
  }

  @Test func getBundleSeesChangesAtOnce() async throws {
    try await TestServer.with { server in
      try await server.local { client in
        let service = BundleService.Client(wrapping: client)
        let before = try await service.getBundle(.init())
        _ = try await server.parts.caManager.prepareX509Authority()
        let after = try await service.getBundle(.init())
        #expect(after.x509Authorities.count == before.x509Authorities.count + 1)
        #expect(after.sequenceNumber == before.sequenceNumber + 1)
      }
    }
  }

  @Test func federatedBundles() async throws {
    try await TestServer.with { server in
      try await server.local { client in
        let service = BundleService.Client(wrapping: client)
        let own = try await service.getBundle(.init())
        var partner = own
        partner.trustDomain = "partner.test"
        partner.refreshHint = 60

        var set = Spire_Api_Server_Bundle_V1_BatchSetFederatedBundleRequest()
        set.bundle = [partner, own, partner, partner, partner]
        set.bundle[2].trustDomain = "no/pe"
        set.bundle[3].x509Authorities[0].asn1 = Data([1])
        set.bundle[4].jwtAuthorities[0].keyID = ""
        let results = try await service.batchSetFederatedBundle(set).results
        #expect(results.map(\.status.code) == [0, 3, 3, 3, 3])
        #expect(results[0].bundle == partner)
        #expect(
          results[1].status.message
            == "setting a federated bundle for the server's own trust domain is not allowed")
        #expect(results[2].status.message.hasPrefix("trust domain argument is not valid: "))
        #expect(results[3].status.message.hasPrefix("failed to convert bundle: unable to parse X.509 authority: "))
        #expect(results[4].status.message == "failed to convert bundle: unable to parse JWT authority: missing key ID")

        var create = Spire_Api_Server_Bundle_V1_BatchCreateFederatedBundleRequest()
        create.bundle = [partner, partner]
        create.bundle[1].trustDomain = "second.test"
        let created = try await service.batchCreateFederatedBundle(create).results
        #expect(created.map(\.status.message) == ["bundle already exists", "OK"])
        #expect(created.map(\.status.code) == [6, 0])

        var update = Spire_Api_Server_Bundle_V1_BatchUpdateFederatedBundleRequest()
        update.bundle = [partner, partner]
        update.bundle[0].refreshHint = 120
        update.bundle[0].x509Authorities = []
        update.bundle[1].trustDomain = "third.test"
        update.inputMask.refreshHint = true
        let updated = try await service.batchUpdateFederatedBundle(update).results
        #expect(updated.map(\.status.message) == ["OK", "bundle not found"])
        #expect(updated[0].bundle.refreshHint == 120)
        #expect(updated[0].bundle.x509Authorities.count == 1)

        let list = try await service.listFederatedBundles(.init())
        #expect(list.bundles.map(\.trustDomain) == ["partner.test", "second.test"])
        #expect(try await service.countBundles(.init()).count == 3)

        var get = Spire_Api_Server_Bundle_V1_GetFederatedBundleRequest()
        get.trustDomain = "partner.test"
        #expect(try await service.getFederatedBundle(get).refreshHint == 120)
        get.trustDomain = "third.test"
        #expect(
          try await failure { try await service.getFederatedBundle(get) } == Failure(.notFound, "bundle not found"))
        get.trustDomain = "example.org"
        #expect(
          try await failure { try await service.getFederatedBundle(get) }
            == Failure(
              .invalidArgument,
              "getting a federated bundle for the server's own trust domain is not allowed"))
        get.trustDomain = "N"
        #expect(
          try await failure { try await service.getFederatedBundle(get) }.message
            .hasPrefix("trust domain argument is not valid: "))

        try await server.createEntry("/web", parent: TestServer.id("/host")) { $0.federatesWith = ["partner.test"] }
        var delete = Spire_Api_Server_Bundle_V1_BatchDeleteFederatedBundleRequest()
        delete.trustDomains = ["partner.test", "third.test", "example.org", "second.test"]
        let deleted = try await service.batchDeleteFederatedBundle(delete).results
        #expect(deleted.map(\.status.code) == [9, 5, 3, 0])
        #expect(
          deleted[0].status.message.contains("cannot delete bundle; federated with 1 registration entries"),
          "\(deleted[0].status)")
        #expect(deleted[1].status.message == "bundle not found")
        #expect(
          deleted[2].status.message == "removing the bundle for the server trust domain is not allowed")
        delete.trustDomains = ["partner.test"]
        delete.mode = .dissociate
        #expect(try await service.batchDeleteFederatedBundle(delete).results.map(\.status.code) == [0])
        delete.mode = .UNRECOGNIZED(7)
        #expect(
          try await failure { try await service.batchDeleteFederatedBundle(delete) }.message
            .hasPrefix("failed to parse deletion mode"))
      }
      let line = try #require(server.log.first("Bundle set successfully"))
      #expect(line.fields["trust_domain_id"] == "partner.test")
      #expect(line.fields["authorized_as"] == "local")
    }
  }

  @Test func appendAndPublish() async throws {
    try await TestServer.with { server in
      try await server.createEntry("/below", parent: TestServer.id("/host")) { $0.downstream = true }
      var key = Spire_Api_Types_JWTKey()
      key.publicKey = Data(TestKey().key.publicKey.derRepresentation)
      key.keyID = "k1"
      key.expiresAt = 1_900_000_000
      let authority = key
      try await server.local { client in
        let service = BundleService.Client(wrapping: client)
        var append = Spire_Api_Server_Bundle_V1_AppendBundleRequest()
        #expect(
          try await failure { try await service.appendBundle(append) }
            == Failure(.invalidArgument, "no authorities to append"))
        append.jwtAuthorities = [authority]
        let bundle = try await service.appendBundle(append)
        #expect(bundle.jwtAuthorities.map(\.keyID).contains("k1"))
        append.jwtAuthorities[0].publicKey = Data([1])
        #expect(
          try await failure { try await service.appendBundle(append) }.message
            .hasPrefix("failed to convert JWT authority: "))
        append.jwtAuthorities = []
        append.x509Authorities = [.init()]
        append.x509Authorities[0].asn1 = Data([1])
        #expect(
          try await failure { try await service.appendBundle(append) }.message
            .hasPrefix("failed to convert X.509 authority: "))
      }
      try await server.remote(try await server.mint("/below")) { client async throws in
        let service = BundleService.Client(wrapping: client)
        var publish = Spire_Api_Server_Bundle_V1_PublishJWTAuthorityRequest()
        #expect(
          try await failure { try await service.publishJWTAuthority(publish) }
            == Failure(.invalidArgument, "missing JWT authority"))
        publish.jwtAuthority = authority
        publish.jwtAuthority.keyID = ""
        #expect(
          try await failure { try await service.publishJWTAuthority(publish) }.message
            .hasPrefix("invalid JWT authority: "))
        publish.jwtAuthority.keyID = "k2"
        #expect(try await service.publishJWTAuthority(publish).jwtAuthorities.map(\.keyID).suffix(2) == ["k1", "k2"])
      }
    }
  }
}

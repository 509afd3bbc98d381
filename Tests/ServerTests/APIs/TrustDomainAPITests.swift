import Daemon
import DaemonTesting
import DatastoreAPI
import Foundation
import GRPCCore
import HTTPTesting
import Logging
import RPC
import SPIFFE
import SPIREProtos
import SwiftProtobuf
import Testing

@testable import Server

private typealias Service = Spire_Api_Server_Trustdomain_V1_TrustDomain
private typealias Relationship = Spire_Api_Types_FederationRelationship

/// The TrustDomain service (server-behaviour §8, §9.2).
@Suite struct TrustDomainAPITests {
  private let partner = try! TestPKI("partner.test")

  private func relationship(
    _ domain: String = "partner.test", url: String = "https://partner.test/bundle", id: String? = nil
  ) -> Relationship {
    var message = Relationship()
    message.trustDomain = domain
    message.bundleEndpointURL = url
    if let id { message.httpsSpiffe.endpointSpiffeID = id } else { message.httpsWeb = .init() }
    return message
  }

  private func create(
    _ client: RPCClient, _ messages: [Relationship], mask: Spire_Api_Types_FederationRelationshipMask? = nil
  ) async throws -> [Spire_Api_Server_Trustdomain_V1_BatchCreateFederationRelationshipResponse.Result] {
    var request = Spire_Api_Server_Trustdomain_V1_BatchCreateFederationRelationshipRequest()
    request.federationRelationships = messages
    if let mask { request.outputMask = mask }
    return try await Service.Client(wrapping: client).batchCreateFederationRelationship(request).results
  }

  @Test func createListGetAndDelete() async throws {
    try await TestServer.with { server in
      try await server.local { client in
        let service = Service.Client(wrapping: client)
        var web = relationship()
        web.trustDomainBundle = partner.bundle(refreshHint: 60).api(mask: nil)
        let spiffe = relationship(
          "spiffe.test", url: "https://spiffe.test:8443", id: "spiffe://spiffe.test/spire/server")
        let created = try await create(client, [web, spiffe])
        #expect(created.map(\.status) == [.ok, .ok])
        #expect(created.map(\.federationRelationship) == [web, spiffe])
        #expect(try await server.datastore.fetchBundle(of: partner.trustDomain) == partner.bundle(refreshHint: 60))
        let lines = server.log.all("Federation relationship created")
        #expect(lines.map { $0.fields["trust_domain_id"] } == ["partner.test", "spiffe.test"])
        #expect(lines.allSatisfy { $0.level == .debug })
        let warning = try #require(server.log.first("bundle not found for the endpoint SPIFFE ID trust domain"))
        #expect(warning.fields["endpoint_spiffe_id"] == "spiffe://spiffe.test/spire/server")
        #expect(server.log.all("bundle not found for the endpoint SPIFFE ID trust domain").count == 1)

        let all = try await service.listFederationRelationships(.init())
        #expect(all.federationRelationships == [web, spiffe] && all.nextPageToken.isEmpty)
        var list = Spire_Api_Server_Trustdomain_V1_ListFederationRelationshipsRequest()
        list.pageSize = 1
        var pages: [[String]] = []
        repeat {
          let page = try await service.listFederationRelationships(list)
          pages.append(page.federationRelationships.map(\.trustDomain))
          list.pageToken = page.nextPageToken
        } while !list.pageToken.isEmpty
        #expect(pages == [["partner.test"], ["spiffe.test"], []])

        var get = Spire_Api_Server_Trustdomain_V1_GetFederationRelationshipRequest()
        get.trustDomain = "spiffe://partner.test"
        #expect(try await service.getFederationRelationship(get) == web)
        get.trustDomain = "none.test"
        #expect(
          try await failure { try await service.getFederationRelationship(get) }
            == Failure(.notFound, "federation relationship does not exist"))
        #expect(server.log.first("Federation relationship does not exist")?.fields["trust_domain_id"] == nil)
        get.trustDomain = "no/pe"
        let malformed = try await failure { try await service.getFederationRelationship(get) }
        #expect(malformed.code == .invalidArgument && malformed.message.hasPrefix("failed to parse trust domain: "))

        var delete = Spire_Api_Server_Trustdomain_V1_BatchDeleteFederationRelationshipRequest()
        delete.trustDomains = ["partner.test", "", "none.test", "no/pe", "partner.test", "spiffe.test"]
        let deleted = try await service.batchDeleteFederationRelationship(delete).results
        #expect(deleted.map(\.trustDomain) == delete.trustDomains)
        #expect(deleted.map(\.status.code) == [0, 3, 5, 3, 5, 0])
        #expect(
          deleted.map(\.status.message).prefix(3) == [
            "OK", "missing trust domain", "federation relationship not found",
          ])
        #expect(try await service.listFederationRelationships(.init()).federationRelationships.isEmpty)
        #expect(try await server.datastore.fetchBundle(of: partner.trustDomain) != nil, "the bundle stays")
      }
    }
  }

  @Test func masksDecideWhatIsAnsweredAndWritten() async throws {
    try await TestServer.with { server in
      try await server.local { client in
        let service = Service.Client(wrapping: client)
        var web = relationship()
        web.trustDomainBundle = partner.bundle().api(mask: nil)
        let created = try await create(client, [web], mask: .init())
        #expect(created[0].federationRelationship == .with { $0.trustDomain = "partner.test" })

        var get = Spire_Api_Server_Trustdomain_V1_GetFederationRelationshipRequest()
        get.trustDomain = "partner.test"
        let masks: [(Spire_Api_Types_FederationRelationshipMask, (inout Relationship) -> Void)] = [
          (.with { $0.bundleEndpointURL = true }, { $0.bundleEndpointURL = web.bundleEndpointURL }),
          (.with { $0.bundleEndpointProfile = true }, { $0.httpsWeb = .init() }),
          (.with { $0.trustDomainBundle = true }, { $0.trustDomainBundle = web.trustDomainBundle }),
        ]
        for (mask, fill) in masks {
          get.outputMask = mask
          var expected = Relationship.with { $0.trustDomain = "partner.test" }
          fill(&expected)
          #expect(try await service.getFederationRelationship(get) == expected)
          var list = Spire_Api_Server_Trustdomain_V1_ListFederationRelationshipsRequest()
          list.outputMask = mask
          #expect(try await service.listFederationRelationships(list).federationRelationships == [expected])
        }

        // Fields outside of the input mask are neither checked nor written.
        var update = Spire_Api_Server_Trustdomain_V1_BatchUpdateFederationRelationshipRequest()
        update.inputMask.bundleEndpointURL = true
        update.federationRelationships = [
          .with {
            $0.trustDomain = "partner.test"
            $0.bundleEndpointURL = "https://new.test"
          }
        ]
        var result = try await service.batchUpdateFederationRelationship(update).results[0]
        #expect(result.status == .ok)
        #expect(result.federationRelationship.bundleEndpointURL == "https://new.test")
        #expect(result.federationRelationship.httpsWeb == .init())
        #expect(result.federationRelationship.trustDomainBundle == web.trustDomainBundle)
        #expect(server.log.first("Federation relationship updated")?.fields["trust_domain_id"] == "partner.test")

        // Without a mask everything is.
        update.clearInputMask()
        result = try await service.batchUpdateFederationRelationship(update).results[0]
        #expect(
          result.status.message
            == "failed to convert federation relationship: unsupported bundle endpoint profile type: <nil>")
        update.federationRelationships = [
          relationship(id: "spiffe://partner.test/x"), relationship("none.test"), relationship("no/pe"),
        ]
        update.outputMask = .with { $0.bundleEndpointProfile = true }
        let results = try await service.batchUpdateFederationRelationship(update).results
        #expect(results.map(\.status.code) == [0, 13, 3])
        #expect(
          results[0].federationRelationship
            == .with {
              $0.trustDomain = "partner.test"
              $0.httpsSpiffe.endpointSpiffeID = "spiffe://partner.test/x"
            })
        #expect(results[1].status.message.hasPrefix("failed to update federation relationship: "))
      }
    }
  }

  @Test func eachFieldIsChecked() async throws {
    let bundle = partner.bundle().api(mask: nil)
    func changed(_ body: (inout Relationship) -> Void) -> Relationship {
      var message = relationship()
      body(&message)
      return message
    }
    // The words of Go's net/url; what cannot be parsed comes before what it says.
    let badPort = "failed to parse bundle endpoint URL: parse \"https://x:99999\": invalid port \":99999\" after host"
    let badEscape = "failed to parse bundle endpoint URL: parse \"http://a@b/%zz\": invalid URL escape \"%zz\""
    let rows: [(Relationship, String)] = [
      (changed { $0.trustDomain = "" }, "failed to parse trust domain: "),
      (changed { $0.trustDomain = "Partner" }, "failed to parse trust domain: "),
      (changed { $0.bundleEndpointURL = "" }, "bundle endpoint URL must use the https scheme"),
      (changed { $0.bundleEndpointURL = "http://x" }, "bundle endpoint URL must use the https scheme"),
      (changed { $0.bundleEndpointURL = "https://" }, "bundle endpoint URL must specify the host"),
      (changed { $0.bundleEndpointURL = "https://a:b@x" }, "bundle endpoint URL must not contain user info"),
      (changed { $0.bundleEndpointURL = "https://x:99999" }, badPort),
      (changed { $0.bundleEndpointURL = "http://a@b/%zz" }, badEscape),
      (
        changed { $0.bundleEndpointURL = "https://" + String(repeating: "x", count: 5000) },
        "failed to parse bundle endpoint URL: parse \"https://xxx"
      ),
      (changed { $0.bundleEndpointProfile = nil }, "unsupported bundle endpoint profile type: <nil>"),
      (changed { $0.httpsSpiffe = .init() }, "failed to parse endpoint SPIFFE ID: "),
      (changed { $0.httpsSpiffe.endpointSpiffeID = "partner.test" }, "failed to parse endpoint SPIFFE ID: "),
      (changed { $0.trustDomainBundle = .init() }, "failed to parse bundle: invalid trust domain: "),
      (
        changed {
          $0.trustDomainBundle = bundle
          $0.trustDomainBundle.x509Authorities[0].asn1 = Data([1])
        }, "failed to parse bundle: unable to parse X.509 authority: "
      ),
      (
        changed {
          $0.trustDomain = "third.test"
          $0.trustDomainBundle = bundle
          $0.trustDomainBundle.trustDomain = "spiffe://partner.test"
        },
        "trust domain bundle (\"spiffe://partner.test\") must match the trust domain of the federation relationship (\"third.test\")"
      ),
    ]
    try await TestServer.with { server in
      try await server.local { client in
        // One good one in the middle: the others do not keep it from being made.
        let good = relationship("good.test")
        let own = relationship("example.org")
        let messages = rows.map(\.0) + [good, own, good]
        let results = try await create(client, messages)
        for (row, result) in zip(rows, results) {
          #expect(result.status.code == 3)
          #expect(
            result.status.message.hasPrefix("failed to convert federation relationship: " + row.1),
            "\(result.status.message)")
          #expect(!result.hasFederationRelationship)
        }
        #expect(results.suffix(3).map(\.status.code) == [0, 3, 13])
        #expect(
          results[results.count - 2].status.message
            == "unable to create federation relationship for server trust domain")
        #expect(results[results.count - 1].status.message.hasPrefix("failed to create federation relationship: "))
        #expect(
          try await server.datastore.listFederationRelationships().map(\.trustDomain.name) == ["good.test"])
      }
    }
  }

  @Test func refreshFetchesNow() async throws {
    let endpoint = FakeBundleEndpoint()
    var options = TestServer.Options()
    options.bundleEndpoint = endpoint
    try await TestServer.with(options) { server in
      try await server.local { client in
        let service = Service.Client(wrapping: client)
        var request = Spire_Api_Server_Trustdomain_V1_RefreshBundleRequest()
        request.trustDomain = "none.test"
        #expect(
          try await failure { try await service.refreshBundle(request) }
            == Failure(.notFound, "no relationship with trust domain \"none.test\""))
        #expect(
          server.log.first("No relationship with trust domain \"none.test\"")?.fields["trust_domain_id"]
            == "none.test")
        request.trustDomain = ""
        #expect(try await failure { try await service.refreshBundle(request) }.code == .invalidArgument)

        _ = try await create(client, [relationship()])
        request.trustDomain = "partner.test"
        #expect(
          try await failure { try await service.refreshBundle(request) }
            == Failure(
              .internalError,
              "failed to refresh bundle: failed to fetch federated bundle from endpoint: failed to fetch bundle: nobody is there"
            ))
        endpoint.serve(partner.bundle())
        _ = try await service.refreshBundle(request)
        #expect(try await server.datastore.fetchBundle(of: partner.trustDomain) == partner.bundle())
        #expect(server.log.first("Bundle refreshed")?.fields["method"] == "RefreshBundle")

        // Older than what is stored: only when forced, which the message has no room for.
        endpoint.serve(partner.bundle(sequence: 7))
        _ = try await service.refreshBundle(request)
        endpoint.serve(partner.bundle(sequence: 6))
        for metadata in [Metadata(), ["swift-spire-force": "no"]] {
          let refused = try await failure { try await service.refreshBundle(request, metadata: metadata) }
          #expect(refused.code == .internalError)
          #expect(
            refused.message.hasPrefix("failed to refresh bundle: the document's sequence number 6 is older than 7"))
        }
        _ = try await service.refreshBundle(request, metadata: ["swift-spire-force": "true"])
        #expect(try await server.datastore.fetchBundle(of: partner.trustDomain) == partner.bundle(sequence: 6))
      }
    }
  }

  @Test func auditRecords() async throws {
    var options = TestServer.Options()
    options.auditing = true
    try await TestServer.with(options) { server in
      try await server.local { client in
        let service = Service.Client(wrapping: client)
        _ = try await create(client, [relationship(), relationship(url: "x", id: "spiffe://a/b")])
        var update = Spire_Api_Server_Trustdomain_V1_BatchUpdateFederationRelationshipRequest()
        update.inputMask.bundleEndpointURL = true
        update.federationRelationships = [relationship()]
        _ = try await service.batchUpdateFederationRelationship(update)
        var delete = Spire_Api_Server_Trustdomain_V1_BatchDeleteFederationRelationshipRequest()
        delete.trustDomains = ["partner.test"]
        _ = try await service.batchDeleteFederationRelationship(delete)
        var get = Spire_Api_Server_Trustdomain_V1_GetFederationRelationshipRequest()
        get.trustDomain = "partner.test"
        _ = try? await service.getFederationRelationship(get)
        var refresh = Spire_Api_Server_Trustdomain_V1_RefreshBundleRequest()
        refresh.trustDomain = "partner.test"
        _ = try? await service.refreshBundle(refresh)
      }
      let common: Set = [
        "type", "request_id", "service", "method", "status", "authorized_as", "authorized_via", "caller_uid",
        "caller_gid", "caller_path", "subsystem_name", "status_code", "status_message",
      ]
      let records = server.log.all("API accessed").map { record in
        (
          record.fields["method"] ?? "", record.fields["status"] ?? "",
          record.fields.filter { !common.contains($0.key) }
        )
      }
      let web = [
        "trust_domain_id": "partner.test", "bundle_endpoint_url": "https://partner.test/bundle",
        "bundle_endpoint_profile": "https_web",
      ]
      #expect(
        records.map(\.0) == [
          "BatchCreateFederationRelationship", "BatchCreateFederationRelationship",
          "BatchUpdateFederationRelationship", "BatchDeleteFederationRelationship", "GetFederationRelationship",
          "RefreshBundle",
        ])
      #expect(records.map(\.1) == ["success", "error", "success", "success", "error", "error"])
      #expect(
        records.map(\.2) == [
          web,
          [
            "trust_domain_id": "partner.test", "bundle_endpoint_url": "x", "bundle_endpoint_profile": "https_spiffe",
            "endpoint_spiffe_id": "spiffe://a/b",
          ], ["trust_domain_id": "partner.test", "bundle_endpoint_url": "https://partner.test/bundle"],
          ["trust_domain_id": "partner.test"], ["trust_domain_id": "partner.test"],
          ["trust_domain_id": "partner.test"],
        ])
    }
  }
}

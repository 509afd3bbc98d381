import CommandTesting
import Foundation
import SPIFFE
import SPIREProtos
import SwiftProtobuf
import Synchronization
import Testing

@testable import ServerCommands

@Suite struct FederationCommandTests {
  private typealias Method = Spire_Api_Server_Trustdomain_V1_TrustDomain.Method

  /// A server that stores all but `refused.test`.
  private func creating(
    _ seen: @Sendable @escaping ([Spire_Api_Types_FederationRelationship]) -> Void = { _ in }
  ) -> [any FakeMethod] {
    [
      Unary<
        Spire_Api_Server_Trustdomain_V1_BatchCreateFederationRelationshipRequest,
        Spire_Api_Server_Trustdomain_V1_BatchCreateFederationRelationshipResponse
      >(Method.BatchCreateFederationRelationship.descriptor) { request in
        seen(request.federationRelationships)
        return .with {
          $0.results = request.federationRelationships.map { relationship in
            .with {
              if relationship.trustDomain == "refused.test" {
                $0.status.code = 6
                $0.status.message = "exists"
              } else {
                $0.federationRelationship = relationship
              }
            }
          }
        }
      }
    ]
  }

  @Test func aRelationshipFromFlags() async throws {
    let seen = Mutex<[Spire_Api_Types_FederationRelationship]>([])
    let outcome = try await run(
      "federation create -trustDomain spiffe://td.test -bundleEndpointURL https://td.test/b "
        + "-bundleEndpointProfile https_spiffe -endpointSpiffeID spiffe://td.test/s",
      methods: creating { found in seen.withLock { $0 = found } })
    #expect(
      outcome
        == .success(
          """

          Trust domain              : td.test
          Bundle endpoint URL       : https://td.test/b
          Bundle endpoint profile   : https_spiffe
          Endpoint SPIFFE ID        : spiffe://td.test/s

          """))
    #expect(seen.withLock { $0.first?.httpsSpiffe.endpointSpiffeID } == "spiffe://td.test/s")
  }

  @Test func relationshipsFromAFile() async throws {
    let recordings = RecordedCommandTests.recordings
    let pem = try #require(recordings.first { $0.name == "server_bundle_show.txt" }).stdout
    let document = try #require(recordings.first { $0.name == "server_bundle_show_-format_spiffe.txt" }).stdout
    let input = """
      {"federationRelationships": [
        {"trustDomain": "a.test", "bundleEndpointURL": "https://a.test", "bundleEndpointProfile": "https_web",
         "trustDomainBundle": \(JSONValue.string(pem).text(.compact)), "trustDomainBundleFormat": "pem"},
        {"trustDomain": "refused.test", "bundleEndpointURL": "https://r.test", "bundleEndpointProfile": "https_spiffe",
         "endpointSPIFFEID": "spiffe://r.test/s", "trustDomainBundle": \(document), "trustDomainBundleFormat": "spiffe"}
      ]}
      """
    let seen = Mutex<[Spire_Api_Types_FederationRelationship]>([])
    let outcome = try await run(
      "federation create -data -", input: input, methods: creating { found in seen.withLock { $0 = found } })
    let sent = seen.withLock { $0 }
    #expect(sent.map(\.trustDomainBundle.x509Authorities.count) == [2, 2])
    #expect(sent.map(\.trustDomainBundle.jwtAuthorities.count) == [0, 2])
    #expect(sent.map(\.trustDomainBundle.trustDomain) == ["a.test", "refused.test"])
    #expect(outcome.code == 1)
    #expect(outcome.stdout.hasPrefix("\nTrust domain              : a.test\n"))
    #expect(outcome.stdout.hasSuffix("\n\n"), "SPIRE prints a line for each, whatever became of it")
    #expect(
      outcome.stderr.hasPrefix(
        "Failed to create the following federation relationship (code: AlreadyExists, msg: \"exists\"):\n"
          + "Trust domain              : refused.test\n"))
    #expect(outcome.stderr.hasSuffix("Error: failed to create one or more federation relationships\n"))
  }

  @Test func anotherBundleFormatIsRefused() async {
    let input = """
      {"federationRelationships": [{"trustDomain": "a.test", "bundleEndpointURL": "https://a.test",
        "bundleEndpointProfile": "https_web", "trustDomainBundle": "x", "trustDomainBundleFormat": "der"}]}
      """
    #expect(
      await run("federation create -data -", input: input) == .failure("bundle format \"der\" is unsupported"))
  }

  /// What upstream's message has no room for travels as metadata of the request; a server of upstream's does not see it.
  @Test func refreshIsForcedThroughMetadata() async throws {
    let refreshing = Unary<Spire_Api_Server_Trustdomain_V1_RefreshBundleRequest, Google_Protobuf_Empty>(
      Method.RefreshBundle.descriptor, requires: ("swift-spire-force", "true")
    ) { request in
      #expect(request.trustDomain == "partner.test")
      return Google_Protobuf_Empty()
    }
    #expect(
      try await run("federation refresh -id partner.test -force", methods: [refreshing])
        == .success("Bundle refreshed\n"))
    #expect(try await run("federation refresh -id partner.test", methods: [refreshing]).code == 1)
  }
}

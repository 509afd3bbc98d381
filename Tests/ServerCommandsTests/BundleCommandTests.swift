import CommandTesting
import Foundation
import SPIREProtos
import SwiftProtobuf
import Synchronization
import Testing

@testable import ServerCommands

@Suite struct BundleCommandTests {
  private typealias Method = Spire_Api_Server_Bundle_V1_Bundle.Method

  private static func recorded(_ name: String) throws -> String {
    try #require(RecordedCommandTests.recordings.first { $0.name == name }).stdout
  }

  /// A server that stores what it gets, and says no to `refused.test`.
  private func storing(
    _ seen: @Sendable @escaping (Spire_Api_Types_Bundle) -> Void = { _ in }
  ) -> [any FakeMethod] {
    [
      Unary<
        Spire_Api_Server_Bundle_V1_BatchSetFederatedBundleRequest,
        Spire_Api_Server_Bundle_V1_BatchSetFederatedBundleResponse
      >(
        Method.BatchSetFederatedBundle.descriptor
      ) { request in
        for bundle in request.bundle { seen(bundle) }
        return .with {
          $0.results = request.bundle.map { bundle in
            .with {
              $0.status.code = bundle.trustDomain == "refused.test" ? 3 : 0
              $0.status.message = "no"
            }
          }
        }
      },
      Unary<
        Spire_Api_Server_Bundle_V1_BatchDeleteFederatedBundleRequest,
        Spire_Api_Server_Bundle_V1_BatchDeleteFederatedBundleResponse
      >(
        Method.BatchDeleteFederatedBundle.descriptor
      ) { request in
        .with {
          $0.results = request.trustDomains.map { name in
            .with {
              $0.trustDomain = name
              $0.status.code = request.mode == .restrict ? 9 : 0
              $0.status.message = "in use"
            }
          }
        }
      },
    ]
  }

  @Test(arguments: [("pem", "server_bundle_show.txt"), ("spiffe", "server_bundle_show_-format_spiffe.txt")])
  func aShownBundleCanBeSet(_ format: String, _ name: String) async throws {
    let seen = Mutex(Spire_Api_Types_Bundle())
    let outcome = try await run(
      "bundle set -id spiffe://partner.test -format \(format)", input: try Self.recorded(name),
      methods: storing { bundle in seen.withLock { $0 = bundle } })
    #expect(outcome == .success("bundle set.\n"))
    let shown = try Spire_Api_Types_Bundle(jsonString: Self.recorded("server_bundle_show_-output_json.txt"))
    let bundle = seen.withLock { $0 }
    #expect(bundle.trustDomain == "partner.test")
    #expect(bundle.x509Authorities.map(\.asn1) == shown.x509Authorities.map(\.asn1))
    if format == "spiffe" {
      #expect(bundle.jwtAuthorities.map(\.publicKey) == shown.jwtAuthorities.map(\.publicKey))
      #expect(bundle.jwtAuthorities.map(\.keyID) == shown.jwtAuthorities.map(\.keyID))
    }
  }

  @Test func badBundlesAreRefused() async throws {
    let empty = await run("bundle set -id partner.test", input: "hello")
    #expect(empty == .failure("unable to load bundle data: no PEM blocks"))
    let key = await run(
      "bundle set -id partner.test", input: "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    #expect(key.stderr.hasPrefix("Error: unable to load bundle data: unexpected PEM block \"PRIVATE KEY\""))
    let json = await run("bundle set -id partner.test -format spiffe", input: "{")
    #expect(json.stderr.hasPrefix("Error: unable to load bundle data: "))
    #expect(
      await run("bundle set -id PARTNER", input: "").stderr.hasPrefix("Error: -id \"PARTNER\": trust domain char"))
  }

  @Test func theServersRefusalIsTold() async throws {
    let input = try Self.recorded("server_bundle_show.txt")
    let set = try await run("bundle set -id refused.test", input: input, methods: storing())
    #expect(set == .failure("failed to set federated bundle: no"))
    let delete = try await run("bundle delete -id b.test", methods: storing())
    #expect(delete == .failure("failed to delete federated bundle \"b.test\": in use"))
    #expect(
      try await run("bundle delete -id b.test -mode dissociate", methods: storing()) == .success("bundle deleted.\n"))
  }

  @Test func oneBundleIsListedWithoutAFrame() async throws {
    let bundle = try Spire_Api_Types_Bundle(jsonString: Self.recorded("server_bundle_show_-output_json.txt"))
    let methods: [any FakeMethod] = [
      Unary<Spire_Api_Server_Bundle_V1_GetFederatedBundleRequest, Spire_Api_Types_Bundle>(
        Method.GetFederatedBundle.descriptor
      ) { request in
        #expect(request.trustDomain == "partner.test")
        return bundle
      }
    ]
    #expect(
      try await run("bundle list -id partner.test", methods: methods)
        == .success(Self.recorded("server_bundle_show.txt")))
  }
}

import EnvoyProtos
import Foundation
import SPIFFE
import SwiftProtobuf
import Synchronization
import Testing

@testable import Agent

typealias DiscoveryRequest = Envoy_Service_Discovery_V3_DiscoveryRequest
typealias DeltaRequest = Envoy_Service_Discovery_V3_DeltaDiscoveryRequest
typealias EnvoySecret = Envoy_Extensions_TransportSockets_Tls_V3_Secret
typealias SPIFFEValidator = Envoy_Extensions_TransportSockets_Tls_V3_SPIFFECertValidatorConfig

extension SecretResponse {
  var names: [String] { resources.map(\.name) }

  /// The decoded resource of a name.
  func secret(_ name: String) throws -> EnvoySecret {
    let secret = try EnvoySecret(serializedBytes: try #require(resources.first { $0.name == name }).bytes)
    #expect(secret.name == name)
    return secret
  }
}

extension EnvoySecret {
  /// The trust domains of the SPIFFE validator with their PEM texts; nil for another form.
  func validator() throws -> [String: String]? {
    guard validationContext.hasCustomValidatorConfig else { return nil }
    let custom = validationContext.customValidatorConfig
    #expect(custom.name == "envoy.tls.cert_validator.spiffe")
    #expect(
      custom.typedConfig.typeURL
        == "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig")
    let configuration = try SPIFFEValidator(serializedBytes: custom.typedConfig.value)
    return Dictionary(
      uniqueKeysWithValues: configuration.trustDomains.map {
        ($0.name, String(decoding: $0.trustBundle.inlineBytes, as: UTF8.self))
      })
  }

  /// The PEM text of plain CA certificates; empty for another form.
  var authorities: String { String(decoding: validationContext.trustedCa.inlineBytes, as: UTF8.self) }
}

/// Updates of a workload for tests of what Envoys get.
struct SecretWorld {
  let now = Date(timeIntervalSince1970: 1_700_000_000)
  let own: TestCA
  let partner: TestCA
  let bundle: PreparedBundle
  let partnerBundle: PreparedBundle

  init() throws {
    own = try TestCA(now: now)
    partner = try TestCA("a-partner.test", now: now)
    bundle = PreparedBundle(own.bundle())
    partnerBundle = PreparedBundle(partner.bundle())
  }

  /// An update with these identities, `id` and path, in order; with the partner's bundle if there is any identity.
  func update(_ identities: [(String, String)] = [("1", "/web"), ("2", "/db")], federated: Bool = true) throws
    -> WorkloadUpdate
  {
    WorkloadUpdate(
      identities: try identities.map { id, path in
        let entry = try entry(id, path, ["uid:0"])
        return WorkloadIdentity(entry: entry, svid: try own.svid(entry, now: now))
      }, bundle: bundle, federatedBundles: federated && !identities.isEmpty ? [partnerBundle] : [])
  }
}

extension SecretRequest {
  /// A request of StreamSecrets.
  static func names(
    _ names: [String], nonce: String = "", version: String = "", failure: String? = nil, node: EnvoyNode? = nil
  ) -> SecretRequest {
    SecretRequest(
      names: .all(names), node: node, typeURL: Secret.typeURL, nonce: nonce, version: version, failure: failure)
  }

  /// A request of DeltaSecrets.
  static func changes(
    _ subscribe: [String] = [], unsubscribe: [String] = [], known: [String: String] = [:], nonce: String = "",
    failure: String? = nil
  ) -> SecretRequest {
    SecretRequest(
      names: .changes(subscribe: subscribe, unsubscribe: unsubscribe, known: known), typeURL: Secret.typeURL,
      nonce: nonce, failure: failure)
  }
}

extension SecretStream {
  /// What it does next, with the nonce 1.
  mutating func act() -> Action? { next { 1 } }

  /// The server was asked, and this is what it brought.
  mutating func look(_ update: WorkloadUpdate) {
    lookedAgain()
    receive(update)
  }

  /// The response that it sends next.
  mutating func response(_ place: SourceLocation = #_sourceLocation) throws -> SecretResponse {
    let action = act()
    guard case .send(let response)? = action else {
      Issue.record("not a response: \(String(describing: action))", sourceLocation: place)
      throw AgentError(.internalError, "no response")
    }
    return response
  }
}

/// What a test was given, in order.
final class Collected<Item: Sendable>: Sendable {
  private let items = Mutex<[Item]>([])

  var all: [Item] { items.withLock { $0 } }
  func add(_ item: Item) { items.withLock { $0.append(item) } }
}

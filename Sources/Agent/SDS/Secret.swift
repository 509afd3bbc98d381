import EnvoyProtos
package import FoundationEssentials
import SPIFFE
import SwiftProtobuf

/// One resource for an Envoy: a certificate with its key, or what it validates others with (agent-behaviour §12).
package struct Secret: Sendable {
  enum Content: Sendable {
    case identity(WorkloadSVID)
    /// For Envoy's SPIFFE validator, each trust domain with its own authorities.
    case validator([PreparedBundle])
    /// For Envoy's default validator: whoever these authorities signed.
    case authorities(PreparedBundle)
  }

  package let name: String
  let content: Content

  static let typeURL = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"
  private static let validatorTypeURL =
    "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig"

  /// The encoded `envoy.extensions.transport_sockets.tls.v3.Secret`.
  package func encoded() throws -> Data {
    var secret = Envoy_Extensions_TransportSockets_Tls_V3_Secret()
    secret.name = name
    switch content {
    case .identity(let svid):
      let chain = try X509Certificates.splitDER(svid.chain).map { PEM.encode($0, type: "CERTIFICATE") }.joined()
      secret.tlsCertificate.certificateChain.inlineBytes = Data(chain.utf8)
      secret.tlsCertificate.privateKey.inlineBytes = Data(PEM.encode(svid.privateKey, type: "PRIVATE KEY").utf8)
    case .authorities(let bundle):
      secret.validationContext.trustedCa.inlineBytes = bundle.pem
    case .validator(let bundles):
      var configuration = Envoy_Extensions_TransportSockets_Tls_V3_SPIFFECertValidatorConfig()
      configuration.trustDomains = bundles.map { bundle in
        var item = Envoy_Extensions_TransportSockets_Tls_V3_SPIFFECertValidatorConfig.TrustDomain()
        item.name = bundle.trustDomain.name
        item.trustBundle.inlineBytes = bundle.pem
        return item
      }
      secret.validationContext.customValidatorConfig.name = "envoy.tls.cert_validator.spiffe"
      secret.validationContext.customValidatorConfig.typedConfig.typeURL = Self.validatorTypeURL
      secret.validationContext.customValidatorConfig.typedConfig.value = try configuration.serializedBytes()
    }
    return try secret.serializedBytes()
  }
}

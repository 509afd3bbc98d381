import Crypto
import Foundation
import RPC
import SPIFFE
import SPIREProtos
import SwiftASN1
import X509

/// A certificate chain with its key, as a client presents it.
struct TestIdentity: Sendable {
  let id: SPIFFEID
  let chain: [[UInt8]]
  let key: [UInt8]

  init(id: SPIFFEID, chain: [[UInt8]], key: [UInt8]) {
    self.id = id
    self.chain = chain
    self.key = key
  }

  init(_ svid: Spire_Api_Types_X509SVID, key: TestKey) throws {
    id = try SPIFFEID("spiffe://\(svid.id.trustDomain)\(svid.id.path)")
    chain = svid.certChain.map { [UInt8]($0) }
    self.key = Array(key.key.derRepresentation)
  }

  var credential: TLSCredential { TLSCredential(chain: chain, key: .der(key)) }
}

/// A key pair that makes certificate requests.
struct TestKey: Sendable {
  let key = P256.Signing.PrivateKey()

  /// A request for nothing but the key, or with URIs and DNS names.
  func csr(uris: [String] = [], dnsNames: [String] = [], organization: String? = nil) throws -> Data {
    let names: [GeneralName] =
      uris.map { .uniformResourceIdentifier($0) } + dnsNames.map { .dnsName($0) }
    var attributes = CertificateSigningRequest.Attributes()
    if !names.isEmpty {
      let request = ExtensionRequest(extensions: try .init { SubjectAlternativeNames(names) })
      attributes = try .init([.init(request)])
    }
    let subject =
      try organization.map { name in try DistinguishedName { OrganizationName(name) } } ?? DistinguishedName()
    let csr = try CertificateSigningRequest(
      version: .v1, subject: subject, privateKey: .init(key), attributes: attributes,
      signatureAlgorithm: .ecdsaWithSHA256)
    var serializer = DER.Serializer()
    try serializer.serialize(csr)
    return Data(serializer.serializedBytes)
  }
}

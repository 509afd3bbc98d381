import Crypto
import Foundation
import SPIFFE
import X509

@testable import SVIDFiles

/// A material whose certificates are no certificates: their bytes say which is which.
func material(
  _ generation: String = "", intermediates: [String] = [], federated: [String: [String]] = [:]
) throws -> X509Material {
  func bytes(_ text: String) -> [UInt8] { Array((text + generation).utf8) }
  return X509Material(
    id: try SPIFFEID("spiffe://example.org/web"), chain: [bytes("leaf")] + intermediates.map(bytes),
    privateKey: bytes("key"), bundle: [bytes("root")],
    federatedBundles: Dictionary(
      uniqueKeysWithValues: try federated.map { (try TrustDomain($0.key), $0.value.map(bytes)) }),
    expiresAt: Date(timeIntervalSince1970: 2_000_000_000))
}

/// What the PEM blocks of a text hold, as texts.
func contents(_ pem: [UInt8]) throws -> [String] {
  try PEM.decode(String(decoding: pem, as: UTF8.self)).map { String(decoding: $0.der, as: UTF8.self) }
}

/// A certificate that ends at `end`.
func certificate(until end: Date) throws -> [UInt8] {
  let key = P256.Signing.PrivateKey()
  let name = try DistinguishedName { CommonName("test") }
  return try X509Certificates.der(
    of: Certificate(
      version: .v3, serialNumber: .init(), publicKey: .init(key.publicKey), notValidBefore: end - 3600,
      notValidAfter: end, issuer: name, subject: name, signatureAlgorithm: .ecdsaWithSHA256, extensions: .init(),
      issuerPrivateKey: .init(key)))
}

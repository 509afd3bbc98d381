package import Crypto
import CryptoExtras
package import Foundation
import SPIFFE
import SwiftASN1
import X509

/// What a TPM would say if it did as its owner likes: public areas with any attributes, attestations of anything, by keys
/// that are here. For attacks only: it opens no credential. Authorities of its own certify its endorsement key and its
/// DevID key, so that everything but the attack is in order.
package struct LyingTPM: Sendable {
  /// Attributes of an attestation key and of a signing key, as tpm2_create makes them.
  package static let attestationKey: UInt32 = 0x0005_0472
  package static let signingKey: UInt32 = 0x0004_0072

  /// An RSA key takes long to make: all share these two.
  private static let keys = try? (
    endorsement: _RSA.Signing.PrivateKey(keySize: .bits2048), attestation: _RSA.Signing.PrivateKey(keySize: .bits2048)
  )

  private let endorsement: _RSA.Signing.PrivateKey
  private let attestation: _RSA.Signing.PrivateKey
  package let devID = P256.Signing.PrivateKey()
  private let authority = P256.Signing.PrivateKey()
  private let issuer: DistinguishedName

  package init() throws {
    guard let keys = Self.keys else { throw NoKeys() }
    (endorsement, attestation) = keys
    issuer = try DistinguishedName { CommonName("Authority") }
  }

  private struct NoKeys: Error {}

  // MARK: Certificates

  /// The authority of both certificates.
  package func root() throws -> [UInt8] {
    try certificate(subject: issuer, .init(authority.publicKey), isCA: true, until: 4_000_000_000)
  }

  /// - Parameter until: seconds since 1970.
  package func endorsementCertificate(until: TimeInterval = 4_000_000_000) throws -> [UInt8] {
    let key = try Certificate.PublicKey(derEncoded: Array(endorsement.publicKey.derRepresentation))
    return try certificate(subject: DistinguishedName {}, key, isCA: false, until: until)
  }

  /// A DevID certificate for any key; nil for the DevID key of this TPM.
  package func devIDCertificate(of key: P256.Signing.PublicKey? = nil) throws -> [UInt8] {
    let subject = try DistinguishedName { CommonName("node") }
    return try certificate(subject: subject, .init(key ?? devID.publicKey), isCA: false, until: 4_000_000_000)
  }

  private func certificate(
    subject: DistinguishedName, _ key: Certificate.PublicKey, isCA: Bool, until: TimeInterval
  ) throws -> [UInt8] {
    try X509Certificates.der(
      of: Certificate(
        version: .v3, serialNumber: .init(), publicKey: key, notValidBefore: Date(timeIntervalSince1970: 0),
        notValidAfter: Date(timeIntervalSince1970: until), issuer: issuer, subject: subject,
        signatureAlgorithm: .ecdsaWithSHA256,
        extensions: .init {
          if isCA { Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil)) }
        }, issuerPrivateKey: .init(authority)))
  }

  // MARK: Structures

  package var endorsementArea: [UInt8] {
    // AES-128 in CFB mode; no scheme.
    rsaArea(endorsement, 0x0003_00B2, policy: [UInt8](repeating: 7, count: 32), parameters: [6, 128, 0x43, 0x10])
  }

  package func attestationArea(_ attributes: UInt32 = attestationKey, exponent: UInt32 = 0) -> [UInt8] {
    // RSASSA with SHA-256.
    rsaArea(attestation, attributes, parameters: [0x10, 0x14, 0x0B], exponent: exponent)
  }

  package func devIDArea(_ attributes: UInt32 = signingKey) -> [UInt8] {
    let point = Array(devID.publicKey.x963Representation.dropFirst())
    return Self.numbers([0x23, 0x0B]) + Self.number32(attributes) + Self.numbers([0, 0x10, 0x18, 0x0B, 3, 0x10])
      + Self.sized(point.prefix(32)) + Self.sized(point.suffix(32))
  }

  private func rsaArea(
    _ key: _RSA.Signing.PrivateKey, _ attributes: UInt32, policy: [UInt8] = [], parameters: [UInt16],
    exponent: UInt32 = 0
  ) -> [UInt8] {
    let modulus = (try? key.publicKey.getKeyPrimitives())?.modulus ?? Data()
    return Self.numbers([1, 0x0B]) + Self.number32(attributes) + Self.sized(policy) + Self.numbers(parameters)
      + Self.numbers([2048]) + Self.number32(exponent) + Self.sized(modulus.suffix(256))
  }

  /// The name of an object with this public area.
  package static func name(_ area: [UInt8]) -> [UInt8] { [0, 0x0B] + Array(SHA256.hash(data: area)) }

  /// What TPM2_Certify would write about an object of this name.
  package static func attestation(
    of name: [UInt8], magic: UInt32 = 0xFF54_4347, type: UInt16 = 0x8017
  ) -> [UInt8] {
    number32(magic) + numbers([type]) + sized([0, 0x0B] + [UInt8](repeating: 1, count: 32)) + sized([])
      + [UInt8](repeating: 0, count: 17) + [UInt8](repeating: 0, count: 8) + sized(name) + sized(name)
  }

  /// The attestation key's signature over anything: TPMT_SIGNATURE.
  package func sign(_ bytes: [UInt8]) throws -> [UInt8] {
    let made = try attestation.signature(for: SHA256.hash(data: bytes), padding: .insecurePKCS1v1_5)
    return Self.numbers([0x14, 0x0B]) + Self.sized(made.rawRepresentation)
  }

  private static func numbers(_ values: [UInt16]) -> [UInt8] {
    values.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
  }

  private static func number32(_ value: UInt32) -> [UInt8] {
    numbers([UInt16(value >> 16), UInt16(value & 0xFFFF)])
  }

  private static func sized(_ bytes: some Collection<UInt8>) -> [UInt8] { numbers([UInt16(bytes.count)]) + bytes }
}

import Crypto
import CryptoExtras
import Foundation
import Testing

@testable import SPIFFE

@Suite("Public key")
struct PublicKeyTests {
  @Test("reads back every type it supports")
  func types() throws {
    let keys: [(PublicKey, PublicKey.KeyType, String)] = [
      (PublicKey(P256.Signing.PrivateKey().publicKey), .ecP256, "EC P-256"),
      (PublicKey(P384.Signing.PrivateKey().publicKey), .ecP384, "EC P-384"),
      (PublicKey(P521.Signing.PrivateKey().publicKey), .ecP521, "EC P-521"),
      (try PublicKey(_RSA.Signing.PrivateKey(keySize: .bits2048).publicKey), .rsa(bits: 2048), "RSA 2048"),
    ]
    for (key, type, text) in keys {
      #expect(key.keyType == type)
      #expect(key.description == text)
      #expect(try PublicKey(pkix: key.pkix) == key)
      #expect(try JSONWebKey(key.jwk.json).key == key, "through a JWK the encoding stays the same bytes")
    }
  }

  @Test("computes the key identifier of a recorded certificate")
  func identifier() throws {
    for der in try TestData.certificates("api-fetch-x509-write/bundle.0.pem") {
      let certificate = try X509Certificates.parse(der: der)
      let key = try X509Certificates.publicKey(of: certificate)
      #expect(key.subjectKeyIdentifier == X509Certificates.subjectKeyIdentifier(of: certificate))
      #expect(key.subjectKeyIdentifier.count == 20)
    }
  }

  @Test("refuses changed encodings")
  func malformed() throws {
    let good = PublicKey(P256.Signing.PrivateKey().publicKey).pkix
    #expect(throws: SPIFFEError(.malformedKey, "")) { try PublicKey(pkix: good + [0]) }
    #expect(throws: SPIFFEError(.malformedKey, "")) { try PublicKey(pkix: Array(good.dropLast())) }
    #expect(throws: SPIFFEError(.malformedKey, "")) { try PublicKey(pkix: []) }
    var offCurve = good
    offCurve[offCurve.count - 1] ^= 1
    #expect(throws: SPIFFEError(.malformedKey, "")) { try PublicKey(pkix: offCurve) }
    var compressed = good
    compressed[26] = 0x02
    #expect(throws: SPIFFEError(.malformedKey, "")) { try PublicKey(pkix: compressed) }
    var otherCurve = good
    otherCurve[22] = 0x06
    #expect(throws: SPIFFEError(.unsupportedKey, "")) { try PublicKey(pkix: otherCurve) }
    let ed25519 = Curve25519.Signing.PrivateKey().publicKey.rawRepresentation
    let header: [UInt8] = [0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00]
    #expect(throws: SPIFFEError.self) { try PublicKey(pkix: header + Array(ed25519)) }
  }

  @Test("refuses RSA numbers out of range")
  func rsaNumbers() {
    func modulus(bytes: Int) -> [UInt8] { [0xC0] + [UInt8](repeating: 0xFF, count: bytes - 1) }
    #expect(throws: SPIFFEError(.unsupportedKey, "")) {
      try PublicKey(modulus: modulus(bytes: 128), exponent: [1, 0, 1])
    }
    #expect(throws: SPIFFEError(.unsupportedKey, "")) {
      try PublicKey(modulus: modulus(bytes: 1025), exponent: [1, 0, 1])
    }
    #expect(throws: SPIFFEError(.unsupportedKey, "")) { try PublicKey(modulus: [], exponent: [3]) }
    for exponent in [[], [0], [1], [2], [1, 0, 0], [0x80, 0, 0, 1], [1, 0, 0, 0, 1]] as [[UInt8]] {
      #expect(throws: SPIFFEError(.malformedKey, "")) {
        try PublicKey(modulus: modulus(bytes: 256), exponent: exponent)
      }
    }
    var even = modulus(bytes: 256)
    even[255] = 0xFE
    #expect(throws: SPIFFEError(.malformedKey, "")) { try PublicKey(modulus: even, exponent: [1, 0, 1]) }
  }

  @Test("an algorithm fits one curve, or RSA")
  func fits() {
    for algorithm in JWSAlgorithm.allCases {
      let types: [PublicKey.KeyType] = [.ecP256, .ecP384, .ecP521, .rsa(bits: 2048)]
      #expect(types.count { algorithm.fits($0) } == 1)
    }
    #expect(!JWSAlgorithm.es256.fits(.ecP384))
    #expect(JWSAlgorithm(signingWith: .ecP384) == .es384)
    #expect(JWSAlgorithm(signingWith: .rsa(bits: 4096)) == .rs256)
  }

  @Test("verifies its own kinds of signature and no others")
  func signatures() throws {
    let message = Array("message".utf8)
    let p256 = P256.Signing.PrivateKey()
    let signature = try p256.signature(for: message)
    let key = PublicKey(p256.publicKey)
    #expect(key.isValidSignature(signature.rawRepresentation, for: message, algorithm: .es256))
    #expect(!key.isValidSignature(signature.rawRepresentation, for: message, algorithm: .es384))
    #expect(!key.isValidSignature(signature.rawRepresentation, for: message + [0], algorithm: .es256))
    #expect(!key.isValidSignature(signature.derRepresentation, for: message, algorithm: .es256))
    #expect(key.isValidX509Signature(signature.derRepresentation, for: message, digest: .sha256))
    #expect(!key.isValidX509Signature(signature.rawRepresentation, for: message, digest: .sha256))
    #expect(
      !PublicKey(P256.Signing.PrivateKey().publicKey)
        .isValidSignature(signature.rawRepresentation, for: message, algorithm: .es256))

    let rsa = try _RSA.Signing.PrivateKey(keySize: .bits2048)
    let rsaKey = try PublicKey(rsa.publicKey)
    let pss = try rsa.signature(for: SHA384.hash(data: message), padding: .PSS).rawRepresentation
    let pkcs1 = try rsa.signature(for: SHA512.hash(data: message), padding: .insecurePKCS1v1_5).rawRepresentation
    #expect(rsaKey.isValidSignature(pss, for: message, algorithm: .ps384))
    #expect(!rsaKey.isValidSignature(pss, for: message, algorithm: .rs384))
    #expect(rsaKey.isValidSignature(pkcs1, for: message, algorithm: .rs512))
    #expect(!rsaKey.isValidSignature(pkcs1, for: message, algorithm: .rs256))
    #expect(rsaKey.isValidX509Signature(pkcs1, for: message, digest: .sha512))
  }
}

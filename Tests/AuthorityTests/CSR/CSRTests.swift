import Crypto
import CryptoExtras
import Foundation
import SPIFFE
import SwiftASN1
import Testing
import X509

@testable import Authority

@Suite struct CSRTests {
  static func request(
    _ key: Certificate.PrivateKey, subject: X509.DistinguishedName = DistinguishedNameFixture.empty,
    names: [GeneralName] = [.uniformResourceIdentifier("spiffe://example.org/m")]
  ) throws -> [UInt8] {
    let extensions = try Certificate.Extensions { SubjectAlternativeNames(names) }
    let attributes = try CertificateSigningRequest.Attributes([.init(ExtensionRequest(extensions: extensions))])
    let request = try CertificateSigningRequest(
      version: .v1, subject: subject, privateKey: key, attributes: attributes)
    var serializer = DER.Serializer()
    try serializer.serialize(request)
    return serializer.serializedBytes
  }

  @Test func readsKeyNamesAndSubject() throws {
    let key = P256.Signing.PrivateKey()
    let subject = try X509.DistinguishedName {
      CommonName("web")
      OrganizationName("Acme")
    }
    let csr = try CSR(
      der: try Self.request(
        .init(key), subject: subject,
        names: [.dnsName("a.test"), .uniformResourceIdentifier("spiffe://example.org/m"), .dnsName("b.test")]))
    #expect(csr.publicKey == PublicKey(key.publicKey))
    #expect(csr.uris == ["spiffe://example.org/m"])
    #expect(csr.dnsNames == ["a.test", "b.test"])
    #expect(csr.subject.commonName == "web")
    #expect(csr.subject.organization == ["Acme"])
    #expect(csr.extensions.map(\.type) == [.subjectAlternativeName])
    try csr.verifySignature()
  }

  @Test func everyKindOfKeySigns() throws {
    let keys: [Certificate.PrivateKey] = [
      .init(P256.Signing.PrivateKey()), .init(P384.Signing.PrivateKey()), .init(P521.Signing.PrivateKey()),
      try .init(_RSA.Signing.PrivateKey(keySize: .bits2048)),
    ]
    for key in keys {
      let csr = try CSR(der: try Self.request(key))
      #expect(throws: Never.self) { try csr.verifySignature() }
    }
  }

  @Test func aForeignOrChangedSignatureIsRefused() throws {
    var der = try Self.request(.init(P256.Signing.PrivateKey()))
    der[der.count - 1] ^= 1
    let changed = try CSR(der: der)
    let error = #expect(throws: AuthorityError.self) { try changed.verifySignature() }
    #expect(error?.code == .invalidArgument)

    var other = try Self.request(.init(P256.Signing.PrivateKey()))
    // The URI is inside of what is signed.
    let at = try #require(other.firstRange(of: Array("example.org/m".utf8))?.lowerBound)
    other[at] = UInt8(ascii: "f")
    let renamed = try CSR(der: other)
    #expect(renamed.uris == ["spiffe://fxample.org/m"])
    #expect(throws: AuthorityError.self) { try renamed.verifySignature() }
  }

  @Test func nothingMalformedPasses() throws {
    let der = try Self.request(.init(P256.Signing.PrivateKey()))
    for length in 0..<der.count {
      #expect(throws: AuthorityError.self) { try CSR(der: Array(der[..<length])) }
    }
    let trailing = #expect(throws: AuthorityError.self) { try CSR(der: der + [0]) }
    #expect(trailing?.message == "malformed certificate request: trailing data")
    let large = #expect(throws: AuthorityError.self) {
      try CSR(der: [UInt8](repeating: 0x30, count: CSR.maximumSize + 1))
    }
    #expect(large?.message.contains("65536") == true)
  }

  /// Any byte at any place: an error or a value, never a trap, and never a valid signature over other contents.
  @Test func changedBytesNeverTrap() throws {
    let der = try Self.request(.init(P256.Signing.PrivateKey()))
    let original = try CSR(der: der)
    for index in der.indices {
      for value in [0, 0x7F, 0x80, 0xFF, der[index] ^ 1] as [UInt8] where value != der[index] {
        var changed = der
        changed[index] = value
        guard let csr = try? CSR(der: changed), csr.signedPart != original.signedPart else { continue }
        if (try? csr.verifySignature()) != nil { Issue.record("byte \(index) as \(value) still verifies") }
      }
    }
  }

  @Test func namesMustBeASCII() throws {
    let der = try Self.request(.init(P256.Signing.PrivateKey()))
    var changed = der
    let at = try #require(der.firstRange(of: Array("example.org/m".utf8))?.lowerBound)
    changed[at] = 0xC3
    #expect(throws: AuthorityError.self) { try CSR(der: changed) }
  }
}

enum DistinguishedNameFixture {
  static let empty = X509.DistinguishedName([X509.RelativeDistinguishedName]())
}

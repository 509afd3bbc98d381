import Mutations
import SPIFFE
import Testing

@testable import ServerPlugins

/// Signed messages that OpenSSL made: what is taken, what is refused, and that a content is had from a fitting signature
/// alone.
@Suite struct SignedMessageTests {
  private let key: PublicKey
  private let otherKey: PublicKey

  init() throws {
    key = try X509Certificates.publicKey(of: X509Certificates.parse(der: CMSFixtures.signer))
    otherKey = try X509Certificates.publicKey(of: X509Certificates.parse(der: CMSFixtures.other))
  }

  @Test(arguments: [
    CMSFixtures.withAttributes, CMSFixtures.withoutAttributes, CMSFixtures.indefinite, CMSFixtures.withoutCertificates,
  ])
  func aSignedContentIsHadWithTheSignersKey(_ bytes: [UInt8]) throws {
    let message = try SignedMessage(parsing: bytes)
    #expect(try message.verified(with: key).bytes == CMSFixtures.content)
    #expect(throws: CMSError.self) { try message.verified(with: otherKey) }
  }

  @Test func theSignersCertificateIsTheOneThatItNames() throws {
    let message = try SignedMessage(parsing: CMSFixtures.indefinite)
    #expect(message.certificates.count == 2)
    #expect(try message.signerCertificate() == CMSFixtures.signer)
    #expect(throws: CMSError("the message has no certificate of its signer")) {
      try SignedMessage(parsing: CMSFixtures.withoutCertificates).signerCertificate()
    }
  }

  /// Its key is too short to be taken, so its signature is not verified.
  @Test func azuresExampleIsRead() throws {
    let message = try SignedMessage(parsing: CMSFixtures.azuresExample)
    let signer = try message.signerCertificate()
    #expect(message.certificates == [signer])
    #expect(X509ChainVerifier.rsaKeySize(ofCertificate: signer) == 1024)
    let error = #expect(throws: CMSError.self) { try message.verified(with: key) }
    #expect(error?.description == "the signature does not fit the content and the signer's key")
    // Another digest's name is noticed: SHA-1 with RSA.
    let name: [UInt8] = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0B]
    var weak = CMSFixtures.azuresExample
    let places = weak.indices.dropLast(name.count).filter { Array(weak[$0..<$0 + name.count]) == name }
    #expect(places.count == 2)
    weak[try #require(places.last) + name.count - 1] = 5
    #expect(throws: CMSError("the signer's digest is not SHA-256, SHA-384 or SHA-512")) {
      try SignedMessage(parsing: weak)
    }
  }

  @Test func whatIsAmbiguousOrWeakIsRefused() {
    #expect(throws: CMSError("the message must have exactly one signer")) {
      try SignedMessage(parsing: CMSFixtures.twoSigners)
    }
    #expect(throws: CMSError("the message has no content")) { try SignedMessage(parsing: CMSFixtures.detached) }
    #expect(throws: CMSError("the signer's digest is not SHA-256, SHA-384 or SHA-512")) {
      try SignedMessage(parsing: CMSFixtures.sha1)
    }
    #expect(throws: CMSError("bytes follow the message")) {
      try SignedMessage(parsing: CMSFixtures.withAttributes + [0])
    }
    #expect(throws: CMSError("the message has more than 65536 bytes")) {
      try SignedMessage(parsing: [UInt8](repeating: 0x30, count: 65537))
    }
  }

  @Test(arguments: [[0x30, 0x80], [UInt8](repeating: 0x24, count: 500)])
  func nestingIsBounded(_ opening: [UInt8]) {
    let bytes = [[UInt8]](repeating: opening, count: 30_000 / opening.count).flatMap { $0 }
    #expect(throws: CMSError.self) { try SignedMessage(parsing: bytes) }
  }

  /// A changed byte of what is signed is noticed; and no bytes give a content that was not signed.
  @Test(arguments: [CMSFixtures.withAttributes, CMSFixtures.withoutAttributes, CMSFixtures.indefinite])
  func noOtherContentIsEverVerified(_ bytes: [UInt8]) {
    for changed in Mutations(of: bytes, count: 4000) {
      guard let message = try? SignedMessage(parsing: changed) else { continue }
      if let content = try? message.verified(with: key) { #expect(content.bytes == CMSFixtures.content) }
      _ = try? message.signerCertificate()
    }
  }

  @Test func derStaysAsItIs() throws {
    #expect(try BERNormalizer.der(of: CMSFixtures.withAttributes) == CMSFixtures.withAttributes)
    #expect(try BERNormalizer.der(of: [0x24, 0x80, 4, 1, 65, 0x24, 3, 4, 1, 66, 0, 0]) == [4, 2, 65, 66])
    #expect(throws: CMSError("a primitive element has no length")) { try BERNormalizer.der(of: [4, 0x80, 0, 0]) }
    #expect(throws: CMSError("the message ends early")) { try BERNormalizer.der(of: [0x30, 0x80]) }
    #expect(throws: CMSError("an element is longer than the message")) {
      try BERNormalizer.der(of: [0x30, 0x88, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF])
    }
  }
}

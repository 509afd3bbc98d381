import Foundation
import Keys
import SPIFFE
import SwiftASN1
import Testing
import X509

@testable import Agent

/// Requests that another implementation reads, verifies and finds complete.
@Suite struct CertificateRequestTests {
  @Test(arguments: [KeyType.ecP256, .ecP384, .rsa2048])
  func requestIsReadableAndSignedByItsKey(_ type: KeyType) async throws {
    let key = try SoftwareKey(generating: type)
    let id = try SPIFFEID("spiffe://example.org/web")
    for request in [
      try CertificateRequest.makeNow(key: key, id: id), try await CertificateRequest.make(key: key, id: id),
    ] {
      let parsed = try CertificateSigningRequest(derEncoded: request)
      #expect(parsed.publicKey.isValidSignature(parsed.signature, for: parsed))
      var serializer = DER.Serializer()
      try serializer.serialize(parsed.publicKey)
      #expect(serializer.serializedBytes == key.publicKey.pkix)
      let extensions = try #require(try parsed.attributes.extensionRequest)
      let names = try #require(try extensions.extensions.subjectAlternativeNames)
      #expect(Array(names) == [.uniformResourceIdentifier("spiffe://example.org/web")])
      // As Go writes it: each name in a printable string, in a set of its own.
      let printed = String(describing: parsed.subject)
      #expect(printed == "C=US,O=SPIRE" || printed == "O=SPIRE,C=US", "\(printed)")
    }
  }

  @Test func agentRequestHasNoName() throws {
    let key = try SoftwareKey(generating: .ecP256)
    let parsed = try CertificateSigningRequest(derEncoded: CertificateRequest.makeNow(key: key, id: nil))
    #expect(parsed.publicKey.isValidSignature(parsed.signature, for: parsed))
    #expect(try parsed.attributes.extensionRequest == nil)
  }
}

import Crypto
import NIOSSL
import SPIREProtos
import SwiftASN1
import SwiftProtobuf
import X509

/// The one key that all agents of a fleet have, its certificate request, and the TLS contexts made of it: a fleet tests the
/// server, and a key per agent would only cost the client.
struct Credentials {
  let request: [UInt8]
  private let key: NIOSSLPrivateKey

  init() throws {
    let key = P256.Signing.PrivateKey()
    let csr = try CertificateSigningRequest(
      version: .v1, subject: DistinguishedName(), privateKey: .init(key),
      attributes: try .init([
        .init(
          ExtensionRequest(
            extensions: try .init {
              SubjectAlternativeNames([.uniformResourceIdentifier("spiffe://example.org/agent")])
            }))
      ]), signatureAlgorithm: .ecdsaWithSHA256)
    var serializer = DER.Serializer()
    try serializer.serialize(csr)
    request = serializer.serializedBytes
    self.key = try NIOSSLPrivateKey(bytes: Array(key.derRepresentation), format: .der)
  }

  /// For a connection of an agent with this certificate chain; without one it is anonymous.
  func context(_ chain: [[UInt8]]) throws -> NIOSSLContext {
    var configuration = TLSConfiguration.makeClientConfiguration()
    // What the agents check is not what is measured.
    configuration.certificateVerification = .none
    configuration.applicationProtocols = ["h2"]
    configuration.trustRoots = .certificates([])
    if !chain.isEmpty {
      configuration.certificateChain = try chain.map { .certificate(try NIOSSLCertificate(bytes: $0, format: .der)) }
      configuration.privateKey = .privateKey(key)
    }
    return try NIOSSLContext(configuration: configuration)
  }
}

import NIOCore
import NIOSSL
import TLS

/// Makes the TLS context of one connection (about 40 µs). Never shared between connections.
enum TLSContext {
  /// TLS 1.2 or later, ALPN `h2`, no CA names sent.
  ///
  /// - Parameter requiresPeerCertificate: a client that presents no certificate is refused.
  static func server(
    _ credential: TLSCredential, policy: TLSPolicy, requiresPeerCertificate: Bool = false
  ) throws -> NIOSSLContext {
    var configuration = TLSConfiguration.makeServerConfiguration(
      certificateChain: try chain(credential), privateKey: .privateKey(try key(credential)))
    configuration.certificateVerification = requiresPeerCertificate ? .noHostnameVerification : .optionalVerification
    return try finish(&configuration, policy)
  }

  static func client(_ credential: TLSCredential?, policy: TLSPolicy) throws -> NIOSSLContext {
    var configuration = TLSConfiguration.makeClientConfiguration()
    // The SPIFFE ID says who the server is; its host name says nothing.
    configuration.certificateVerification = .noHostnameVerification
    if let credential {
      configuration.certificateChain = try chain(credential)
      configuration.privateKey = .privateKey(try key(credential))
    }
    return try finish(&configuration, policy)
  }

  private static func finish(_ configuration: inout TLSConfiguration, _ policy: TLSPolicy) throws -> NIOSSLContext {
    policy.apply(to: &configuration)
    configuration.applicationProtocols = ["h2"]
    // Our callback decides; no root of the system's, and no CA names in the request for a certificate.
    configuration.trustRoots = .certificates([])
    configuration.sendCANameList = false
    return try NIOSSLContext(configuration: configuration)
  }

  static func chain(_ credential: TLSCredential) throws -> [NIOSSLCertificateSource] {
    try credential.chain.map { .certificate(try NIOSSLCertificate(bytes: $0, format: .der)) }
  }

  static func key(_ credential: TLSCredential) throws -> NIOSSLPrivateKey {
    switch credential.key {
    case .der(let bytes): try NIOSSLPrivateKey(bytes: bytes, format: .der)
    case .signer(let signer): NIOSSLPrivateKey(customPrivateKey: CustomKey(signer: signer))
    }
  }
}

/// A private key that signs through its manager.
private struct CustomKey: NIOSSLCustomPrivateKey, Hashable {
  let signer: any TLSSigner
  let identity = KeyIdentity()

  /// Makes keys comparable, as NIOSSL asks: each is only equal to itself.
  final class KeyIdentity: Sendable {}

  struct Unsupported: Error {}

  static func == (a: CustomKey, b: CustomKey) -> Bool { a.identity === b.identity }
  func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(identity)) }

  var signatureAlgorithms: [SignatureAlgorithm] { signer.algorithms.map { SignatureAlgorithm(rawValue: $0.rawValue) } }
  var derBytes: [UInt8] { [] }

  func sign(channel: any Channel, algorithm: SignatureAlgorithm, data: ByteBuffer) -> EventLoopFuture<ByteBuffer> {
    guard let algorithm = TLSSignatureAlgorithm(rawValue: algorithm.rawValue) else {
      return channel.eventLoop.makeFailedFuture(Unsupported())
    }
    return channel.eventLoop.makeFutureWithTask { [signer] in
      ByteBuffer(bytes: try await signer.sign(Array(data.readableBytesView), algorithm: algorithm))
    }
  }

  func decrypt(channel: any Channel, data: ByteBuffer) -> EventLoopFuture<ByteBuffer> {
    channel.eventLoop.makeFailedFuture(Unsupported())
  }
}

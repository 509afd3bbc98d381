package import NIOCore
package import NIOSSL

/// TLS for pages that anybody may ask for over HTTP/1.1: bundles, OIDC discovery. The client proves nothing, and each
/// connection has a context of its own, so that nothing is resumed and what is presented is that of the moment.
package enum WebTLS {
  /// What one accepted connection is served with: TLS 1.2 or later.
  ///
  /// - Parameter protocols: what is offered to the client (ALPN).
  package static func configuration(
    _ credential: TLSCredential, protocols: [String] = ["http/1.1"]
  ) throws -> TLSConfiguration {
    var configuration = TLSConfiguration.makeServerConfiguration(
      certificateChain: try TLSContext.chain(credential), privateKey: .privateKey(try TLSContext.key(credential)))
    configuration.minimumTLSVersion = .tlsv12
    configuration.applicationProtocols = protocols
    return configuration
  }

  /// The handler of one accepted connection whose client has to show a certificate, which `verify` accepts or throws at.
  ///
  /// - Parameters:
  ///   - channel: the connection; the check ends with it.
  ///   - verify: gets the client's chain, DER, leaf first, not empty.
  package static func serverHandler(
    _ configuration: TLSConfiguration, on channel: any Channel,
    verify: @escaping @Sendable (_ chain: [[UInt8]]) async throws -> Void
  ) throws -> NIOSSLServerHandler {
    var configuration = configuration
    configuration.certificateVerification = .noHostnameVerification
    // `verify` decides; no root of the system's, and no CA names in the request for a certificate.
    configuration.trustRoots = .certificates([])
    configuration.sendCANameList = false
    let closed = channel.closeFuture
    return NIOSSLServerHandler(
      context: try NIOSSLContext(configuration: configuration),
      customVerificationCallback: { presented, promise in
        let check = Task {
          do {
            let chain = try presented.map { try $0.toDERBytes() }
            guard !chain.isEmpty else { return promise.succeed(.failed) }
            try await verify(chain)
            promise.succeed(.certificateVerified)
          } catch {
            promise.succeed(.failed)
          }
        }
        closed.whenComplete { _ in check.cancel() }
      })
  }

  /// The handler of one accepted connection.
  package static func serverHandler(_ configuration: TLSConfiguration) throws -> NIOSSLServerHandler {
    NIOSSLServerHandler(context: try NIOSSLContext(configuration: configuration))
  }
}

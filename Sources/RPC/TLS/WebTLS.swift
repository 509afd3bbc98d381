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

  /// The handler of one accepted connection.
  package static func serverHandler(_ configuration: TLSConfiguration) throws -> NIOSSLServerHandler {
    NIOSSLServerHandler(context: try NIOSSLContext(configuration: configuration))
  }
}

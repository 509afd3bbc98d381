package import SPIFFE

/// The authority above the server: the server's plugin kind UpstreamAuthority (server-plugins §3).
///
/// The CA manager calls it when it needs a CA certificate or has a new JWT key, one call at a time, and follows its
/// bundle. Errors are ``ServerPluginError``.
package protocol UpstreamAuthority: Sendable {
  /// Signs the CA certificate of this server.
  ///
  /// - Parameters:
  ///   - csr: PKCS #10, DER; its URI is the trust domain's ID.
  ///   - ttl: the lifetime that is wished for.
  /// - Returns: the chain, the new CA first and without a root, and the roots that it leads to.
  func mintX509CA(csr: [UInt8], ttl: Duration) async throws -> (chain: [[UInt8]], roots: [X509Authority])
  /// Publishes a JWT key and returns all that are published.
  func publishJWTKey(_ key: JWTAuthority) async throws -> [JWTAuthority]
  /// Calls `changed` with the authorities above, now and whenever they change, until the task is cancelled.
  func followBundle(_ changed: @escaping @Sendable (UpstreamAuthorities.Bundle) async -> Void) async throws
}

/// Most have only a CA to offer.
extension UpstreamAuthority {
  package func publishJWTKey(_ key: JWTAuthority) async throws -> [JWTAuthority] {
    throw ServerPluginError(.unimplemented, "publishing upstream is unsupported")
  }
  package func followBundle(_ changed: @escaping @Sendable (UpstreamAuthorities.Bundle) async -> Void) async throws {
    throw ServerPluginError(.unimplemented, "fetching upstream trust bundle is unsupported")
  }
}

/// Signs CA certificates with a CA that a plugin has read: given to the plugins by the composition root, because only the
/// authority part of the server signs certificates.
package protocol IntermediateSigner: Sendable {
  /// Takes a CA after checking that its parts fit together.
  ///
  /// - Parameters:
  ///   - certificates: the CA's, then those up to its root. DER.
  ///   - privateKey: DER.
  ///   - bundle: the roots, DER; nil where the CA is its own.
  func load(certificates: [[UInt8]], privateKey: [UInt8], bundle: [[UInt8]]?) throws -> any LoadedIntermediate
}

/// A CA that can sign.
package protocol LoadedIntermediate: Sendable {
  var roots: [X509Authority] { get }
  func mintX509CA(csr: [UInt8], ttl: Duration) async throws -> (chain: [[UInt8]], roots: [X509Authority])
}

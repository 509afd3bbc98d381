package import Daemon
import FoundationEssentials
package import Plugins
package import SPIFFE
package import TLS

/// The server's plugins of type UpstreamAuthority: one line each.
package enum UpstreamAuthorities {
  /// What the authorities above are at some moment.
  package struct Bundle: Equatable, Sendable {
    package let x509Authorities: [X509Authority]
    package let jwtAuthorities: [JWTAuthority]
    /// Whether it is all that the trust domain trusts, so that what is missing was withdrawn; else only the CA's own.
    package let isComplete: Bool

    package init(x509Authorities: [X509Authority], jwtAuthorities: [JWTAuthority] = [], isComplete: Bool = false) {
      self.x509Authorities = x509Authorities
      self.jwtAuthorities = jwtAuthorities
      self.isComplete = isComplete
    }
  }

  /// - Parameter tls: what connections to a Vault keep; `spire` has a setting of its own.
  package static func type(
    signer: any IntermediateSigner, above: any UpstreamConnecting, time: any TimeSource, tls: TLSPolicy = TLSPolicy(),
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) -> PluginType<any UpstreamAuthority> {
    PluginType(
      "UpstreamAuthority", .atMost(1),
      builtIns: [
        DiskUpstreamAuthority.plugin(signer, time), SPIREUpstreamAuthority.plugin(above, time),
        VaultUpstreamAuthority.plugin(time, tls, environment: environment),
      ])
  }
}

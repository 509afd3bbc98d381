package import Daemon
import FoundationEssentials
package import Plugins
package import SPIFFE

/// The server's plugins of type UpstreamAuthority: one line each.
package enum UpstreamAuthorities {
  /// What the authorities above are at some moment.
  package struct Bundle: Equatable, Sendable {
    package let x509Authorities: [X509Authority]
    package let jwtAuthorities: [JWTAuthority]

    package init(x509Authorities: [X509Authority], jwtAuthorities: [JWTAuthority] = []) {
      self.x509Authorities = x509Authorities
      self.jwtAuthorities = jwtAuthorities
    }
  }

  package static func type(
    signer: any IntermediateSigner, time: any TimeSource,
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) -> PluginType<any UpstreamAuthority> {
    PluginType(
      "UpstreamAuthority", .atMost(1),
      builtIns: [
        DiskUpstreamAuthority.plugin(signer, time), VaultUpstreamAuthority.plugin(time, environment: environment),
      ])
  }
}

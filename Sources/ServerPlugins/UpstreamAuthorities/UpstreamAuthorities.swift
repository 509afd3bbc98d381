package import Daemon
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
    signer: any IntermediateSigner, time: any TimeSource
  ) -> PluginType<any UpstreamAuthority> {
    PluginType("UpstreamAuthority", .atMost(1), builtIns: [DiskUpstreamAuthority.plugin(signer, time)])
  }
}

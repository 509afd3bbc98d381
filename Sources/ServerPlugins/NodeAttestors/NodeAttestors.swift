package import Plugins

/// The server's plugins of type NodeAttestor: one line each.
package enum NodeAttestors {
  package static func type(host: any NodeAttestorHost) -> PluginType<any NodeAttestor> {
    PluginType(
      "NodeAttestor", .any,
      builtIns: [
        JoinTokenAttestor.plugin, X509PoPAttestor.plugin(host), SSHPoPAttestor.plugin(host),
        HTTPChallengeAttestor.plugin(host),
      ])
  }
}

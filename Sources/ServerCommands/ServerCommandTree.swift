import Daemon
package import Flags

/// The commands of `spire-server`, one line each.
package enum ServerCommandTree {
  package static let tree = make(commands)

  /// The commands, with those of the features that `SPIRE_SERVER_FFLAGS` names.
  package static func withFeatures(of environment: [String: String]) -> CommandTree {
    let features = (environment["SPIRE_SERVER_FFLAGS"] ?? "").split(separator: " ")
    guard features.contains("wit-svid") else { return tree }
    return make(commands.merging(["wit mint": WITMint()]) { own, _ in own })
  }

  private static func make(_ commands: [String: any Command]) -> CommandTree {
    CommandTree(
      program: "spire-server", version: Version.upstream,
      about: """
        the SPIFFE Runtime Environment's server. It keeps registration entries, attests agents and signs their SVIDs. The \
        command `run` starts it; the others talk to a running server through its admin socket.
        """, commands: commands)
  }

  static let commands: [String: any Command] = [
    "agent ban": AgentBan(),
    "agent count": AgentCount(),
    "agent evict": AgentEvict(),
    "agent list": AgentList(),
    "agent purge": AgentPurge(),
    "agent show": AgentShow(),
    "backup": BackupServer(),
    "bundle count": BundleCount(),
    "bundle delete": BundleDelete(),
    "bundle list": BundleList(),
    "bundle set": BundleSet(),
    "bundle show": BundleShow(),
    "debug getinfo": DebugGetInfo(),
    "docs methods": DocsMethods(),
    "entry count": EntryCount(),
    "entry create": EntryCreate(),
    "entry delete": EntryDelete(),
    "entry show": EntryShow(),
    "entry update": EntryUpdate(),
    "explain": Explain(),
    "federation create": FederationCreate(),
    "federation delete": FederationDelete(),
    "federation list": FederationList(),
    "federation refresh": FederationRefresh(),
    "federation show": FederationShow(),
    "federation update": FederationUpdate(),
    "healthcheck": HealthCheck(),
    "jwt mint": JWTMint(),
    "localauthority jwt activate": LocalAuthorityActivate(kind: .jwt),
    "localauthority jwt prepare": LocalAuthorityPrepare(kind: .jwt),
    "localauthority jwt revoke": LocalAuthorityRevoke(kind: .jwt),
    "localauthority jwt show": LocalAuthorityShow(kind: .jwt),
    "localauthority jwt taint": LocalAuthorityTaint(kind: .jwt),
    "localauthority rotate": LocalAuthorityRotate(),
    "localauthority x509 activate": LocalAuthorityActivate(kind: .x509),
    "localauthority x509 prepare": LocalAuthorityPrepare(kind: .x509),
    "localauthority x509 revoke": LocalAuthorityRevoke(kind: .x509),
    "localauthority x509 show": LocalAuthorityShow(kind: .x509),
    "localauthority x509 taint": LocalAuthorityTaint(kind: .x509),
    "logger get": LoggerGet(),
    "logger reset": LoggerReset(),
    "logger set": LoggerSet(),
    "restore": RestoreServer(),
    "run": RunServer(),
    "token generate": TokenGenerate(),
    "upstreamauthority revoke": UpstreamAuthorityRevoke(),
    "upstreamauthority taint": UpstreamAuthorityTaint(),
    "validate": ValidateConfiguration(),
    "x509 mint": X509Mint(),
  ]
}

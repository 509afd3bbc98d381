import Authority
import Daemon

/// What single parts of the server get from the configuration.
extension ServerConfiguration {
  var credentials: CredentialConfiguration {
    CredentialConfiguration(
      trustDomain: trustDomain, x509SVIDTTL: defaultX509SVIDTTL, jwtSVIDTTL: defaultJWTSVIDTTL, agentTTL: agentTTL,
      caTTL: caTTL,
      caSubject: DistinguishedName(
        country: caSubject.country, organization: caSubject.organization, commonName: caSubject.commonName),
      jwtIssuer: jwtIssuer.isEmpty ? nil : jwtIssuer, jwtSVIDsAreDisabled: areJWTSVIDsDisabled)
  }

  var apiOptions: ServerParts.Options {
    ServerParts.Options(agentIDAsSelector: agentSPIFFEIDAsSelector, disableJWTSVIDs: areJWTSVIDsDisabled)
  }

  var nodePruning: NodePruner.Rules? {
    pruneAttestedNodesExpiredFor.map {
      NodePruner.Rules(
        expiredFor: $0, batchSize: pruneAttestedNodesBatchSize, includesNonReattestable: pruneTOFUNodes)
    }
  }
}

import Authority
import Daemon
import SQLDatastore

/// What single parts of the server get from the configuration.
extension ServerConfiguration {
  var credentials: CredentialConfiguration {
    var credentials = CredentialConfiguration(
      trustDomain: trustDomain, x509SVIDTTL: defaultX509SVIDTTL, jwtSVIDTTL: defaultJWTSVIDTTL, agentTTL: agentTTL,
      caTTL: caTTL,
      caSubject: DistinguishedName(
        country: caSubject.country, organization: caSubject.organization, commonName: caSubject.commonName),
      jwtIssuer: jwtIssuer.isEmpty ? nil : jwtIssuer, jwtSVIDsAreDisabled: areJWTSVIDsDisabled)
    credentials.witSVIDsAreEnabled = areWITSVIDsEnabled
    credentials.witIssuer = witIssuer
    return credentials
  }

  var apiOptions: ServerParts.Options {
    ServerParts.Options(
      agentIDAsSelector: agentSPIFFEIDAsSelector, disableJWTSVIDs: areJWTSVIDsDisabled,
      enableWITSVIDs: areWITSVIDsEnabled)
  }

  /// How often the changes of other servers are looked for. Where the database tells nothing by itself, ten times as often
  /// as elsewhere: it costs a step down two primary keys.
  var eventPollInterval: Duration {
    // What cannot be read is refused when the datastore opens.
    let type = (try? SQLDatastoreConfiguration(datastore))?.databaseType ?? ""
    return events.pollInterval ?? (type.hasSuffix("mysql") ? .milliseconds(100) : .seconds(1))
  }

  var nodePruning: NodePruner.Rules? {
    pruneAttestedNodesExpiredFor.map {
      NodePruner.Rules(
        expiredFor: $0, batchSize: pruneAttestedNodesBatchSize, includesNonReattestable: pruneTOFUNodes)
    }
  }
}

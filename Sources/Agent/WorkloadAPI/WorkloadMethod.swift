/// The methods that workloads call, by their names on the wire.
package enum WorkloadMethod: String, CaseIterable, Sendable {
  case fetchX509SVID = "FetchX509SVID"
  case fetchX509Bundles = "FetchX509Bundles"
  case fetchJWTSVID = "FetchJWTSVID"
  case fetchJWTBundles = "FetchJWTBundles"
  case validateJWTSVID = "ValidateJWTSVID"
  case fetchWITSVID = "FetchWITSVID"
  case fetchWITBundles = "FetchWITBundles"
  // Envoy's.
  case streamSecrets = "StreamSecrets"
  case deltaSecrets = "DeltaSecrets"
  case fetchSecrets = "FetchSecrets"

  /// `/SpiffeWorkloadAPI/FetchX509SVID`
  package var fullName: String {
    switch self {
    case .streamSecrets, .deltaSecrets, .fetchSecrets:
      "/envoy.service.secret.v3.SecretDiscoveryService/\(rawValue)"
    default: "/SpiffeWorkloadAPI/\(rawValue)"
    }
  }
}

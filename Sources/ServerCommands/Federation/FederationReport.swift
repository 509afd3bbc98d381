import SPIREProtos

/// A federation relationship as the federation commands show it: labels 26 columns wide.
enum FederationReport {
  static func text(_ relationship: Spire_Api_Types_FederationRelationship) -> String {
    var lines = [
      ("Trust domain", relationship.trustDomain), ("Bundle endpoint URL", relationship.bundleEndpointURL),
    ]
    switch relationship.bundleEndpointProfile {
    case .httpsWeb: lines.append(("Bundle endpoint profile", "https_web"))
    case .httpsSpiffe(let profile):
      lines.append(("Bundle endpoint profile", "https_spiffe"))
      lines.append(("Endpoint SPIFFE ID", profile.endpointSpiffeID))
    case nil: break
    }
    return lines.map { label, value in
      label + String(repeating: " ", count: 26 - label.utf8.count) + ": " + value + "\n"
    }.joined()
  }
}

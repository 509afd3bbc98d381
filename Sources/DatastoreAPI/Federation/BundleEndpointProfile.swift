package import SPIFFE

/// How a federated trust domain's bundle endpoint authenticates itself.
package enum BundleEndpointProfile: Hashable, Sendable {
  /// By a certificate of the web's authorities.
  case httpsWeb
  /// By an X509-SVID of this ID.
  case httpsSPIFFE(endpointID: SPIFFEID)

  /// The name in configuration files and in the database.
  package var name: String {
    switch self {
    case .httpsWeb: "https_web"
    case .httpsSPIFFE: "https_spiffe"
    }
  }
}

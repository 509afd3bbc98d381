import DatastoreAPI
import SPIFFE

extension BundleEndpointProfile {
  /// `nil` for a name that is not known.
  init?(name: String, endpointID: String) throws(SPIFFEIDError) {
    switch name {
    case "https_web": self = .httpsWeb
    case "https_spiffe": self = .httpsSPIFFE(endpointID: try SPIFFEID(endpointID))
    default: return nil
    }
  }

  /// Empty for a profile without an ID.
  var endpointIDColumn: String {
    switch self {
    case .httpsWeb: ""
    case .httpsSPIFFE(let id): id.description
    }
  }
}

extension FederationRelationship {
  /// Of `id, trust_domain, bundle_endpoint_url, bundle_endpoint_profile, endpoint_spiffe_id`.
  init(_ row: any SQLRow) throws(DatastoreError) {
    let name = row.text(1)
    let parsed: (TrustDomain, BundleEndpointProfile?)
    do throws(SPIFFEIDError) {
      parsed = (try TrustDomain(name), try BundleEndpointProfile(name: row.text(3), endpointID: row.text(4)))
    } catch {
      throw .damagedRow("the federation relationship with \"\(name)\"", cause: error)
    }
    guard let profile = parsed.1 else {
      throw .sql(.internal, "unknown bundle endpoint profile type: \"\(row.text(3))\" of \"\(name)\"")
    }
    self.init(trustDomain: parsed.0, bundleEndpointURL: row.text(2), profile: profile)
  }
}

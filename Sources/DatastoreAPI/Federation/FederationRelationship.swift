package import SPIFFE

/// Where the bundle of a federated trust domain comes from.
package struct FederationRelationship: Hashable, Sendable {
  package var trustDomain: TrustDomain
  /// An https URL.
  package var bundleEndpointURL: String
  package var profile: BundleEndpointProfile
  /// The trust domain's bundle: on create and update it is stored, on reads it is the stored one.
  package var bundle: Bundle?

  package init(
    trustDomain: TrustDomain, bundleEndpointURL: String, profile: BundleEndpointProfile, bundle: Bundle? = nil
  ) {
    self.trustDomain = trustDomain
    self.bundleEndpointURL = bundleEndpointURL
    self.profile = profile
    self.bundle = bundle
  }
}

import HCL

/// `server.federation` as written. Unknown keys are reported in the bundle endpoint and its deprecated `acme` block only.
package struct ServerFederationFile: Sendable {
  /// `bundle_endpoint`: where other trust domains fetch this one's bundle.
  package struct BundleEndpoint: Sendable {
    /// `address`, default `0.0.0.0`.
    package var address: String?
    /// `port`
    package var port: Int?
    /// `refresh_hint`: how often to come back; default 5m.
    package var refreshHint: String?
    /// `profile`: the names of the profile blocks, `https_web` or `https_spiffe`.
    package var profiles: [String] = []
    /// `acme`: the deprecated place of the certificate authority's settings.
    package var acme: ACME?
  }

  /// `acme`: certificates from a public authority.
  package struct ACME: Sendable {
    /// `directory_url`: the authority.
    package var directoryURL: String?
    /// `domain_name`: the name to certify.
    package var domainName: String?
    /// `email`: whom the authority writes to.
    package var email: String?
    /// `tos_accepted`: whether its terms are accepted.
    package var tosAccepted: Bool?
  }

  /// One `federates_with "<trust domain>"`.
  package struct FederatesWith: Sendable {
    /// The label.
    package let trustDomain: String
    /// `bundle_endpoint_url`: where its bundle is fetched.
    package var bundleEndpointURL: String?
    /// `bundle_endpoint_profile`: the profile blocks; nil when there is no such key.
    package var profiles: [Profile]?
  }

  /// One `bundle_endpoint_profile "<name>"`.
  package struct Profile: Hashable, Sendable {
    /// The label, `https_web` or `https_spiffe`.
    package let name: String
    /// `endpoint_spiffe_id`: who the endpoint must be.
    package var endpointSPIFFEID: String?

    package init(name: String, endpointSPIFFEID: String? = nil) {
      self.name = name
      self.endpointSPIFFEID = endpointSPIFFEID
    }
  }

  /// `bundle_endpoint`
  package var bundleEndpoint: BundleEndpoint?
  /// `federates_with`, one per trust domain.
  package var federatesWith: [FederatesWith] = []

  init(_ section: inout HCLSection) {
    if var inner = section.section("bundle_endpoint") {
      var endpoint = BundleEndpoint(
        address: inner.string("address"), port: inner.int("port"), refreshHint: inner.string("refresh_hint"))
      endpoint.profiles = inner.labelled("profile", levels: 1).compactMap { $0.labels.first?.text }
      if var acme = inner.section("acme") {
        endpoint.acme = ACME(
          directoryURL: acme.string("directory_url"), domainName: acme.string("domain_name"),
          email: acme.string("email"), tosAccepted: acme.bool("tos_accepted"))
        acme.reportUnknownKeys(as: "bundle endpoint ACME")
      }
      inner.reportUnknownKeys(as: "bundle endpoint")
      bundleEndpoint = endpoint
    }
    for (labels, inner) in section.labelled("federates_with", levels: 1) {
      var inner = inner
      var peer = FederatesWith(trustDomain: labels[0].text)
      peer.bundleEndpointURL = inner.string("bundle_endpoint_url")
      let hasProfile = inner.positionOfValue(at: ["bundle_endpoint_profile"]) != nil
      let profiles = inner.labelled("bundle_endpoint_profile", levels: 1).map { labels, body in
        var body = body
        return Profile(name: labels[0].text, endpointSPIFFEID: body.string("endpoint_spiffe_id"))
      }
      peer.profiles = hasProfile || !profiles.isEmpty ? profiles : nil
      federatesWith.append(peer)
    }
  }
}

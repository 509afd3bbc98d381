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
    /// `profile`: the profile blocks.
    package var profiles: [ServingProfile] = []
    /// Whether there is a `profile` at all.
    package var hasProfile = false
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
    /// `http_challenge_addr`: where HTTP-01 challenges are answered; default: nowhere. A key of our own.
    package var httpChallengeAddr: String?

    init(_ section: inout HCLSection) {
      directoryURL = section.string("directory_url")
      domainName = section.string("domain_name")
      email = section.string("email")
      tosAccepted = section.bool("tos_accepted")
      httpChallengeAddr = section.string("http_challenge_addr")
    }
  }

  /// One `profile "<name>"` of the bundle endpoint.
  package struct ServingProfile: Sendable {
    /// The label, `https_web` or `https_spiffe`.
    package let name: String
    /// `acme`
    package var acme: ACME?
    /// `serving_cert_file`
    package var servingCertFile: ServingCertFile?
  }

  /// `serving_cert_file`: a certificate of the web in files.
  package struct ServingCertFile: Sendable {
    /// `cert_file_path`: PEM, the leaf first.
    package var certFilePath: String?
    /// `key_file_path`: PEM.
    package var keyFilePath: String?
    /// `file_sync_interval`: how often they are read again; default 1h.
    package var fileSyncInterval: String?
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
      endpoint.hasProfile = inner.positionOfValue(at: ["profile"]) != nil
      endpoint.profiles = inner.labelled("profile", levels: 1).map { labels, body in
        var body = body
        var profile = ServingProfile(name: labels[0].text)
        if var acme = body.section("acme") { profile.acme = ACME(&acme) }
        if var files = body.section("serving_cert_file") {
          profile.servingCertFile = ServingCertFile(
            certFilePath: files.string("cert_file_path"), keyFilePath: files.string("key_file_path"),
            fileSyncInterval: files.string("file_sync_interval"))
        }
        return profile
      }
      endpoint.hasProfile = endpoint.hasProfile || !endpoint.profiles.isEmpty
      if var acme = inner.section("acme") {
        endpoint.acme = ACME(&acme)
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

package import Daemon

/// `federation.bundle_endpoint`, checked: where and how this trust domain's bundle is served (server-config §4).
package struct BundleEndpointSettings: Hashable, Sendable {
  /// How the endpoint proves who it is.
  package enum Profile: Hashable, Sendable {
    /// With the server's X509-SVID.
    case httpsSPIFFE
    /// With a certificate of the web, from files that are read again after each interval.
    case httpsWeb(certificateFile: String, keyFile: String, interval: Duration)
    /// With a certificate that a public authority issues.
    case httpsWebACME(ACME)
  }

  /// `acme`, checked.
  package struct ACME: Hashable, Sendable {
    package var directoryURL: String
    /// In lower case.
    package var domain: String
    package var email: String
    package var acceptsTerms: Bool
    /// Where HTTP-01 challenges are answered; nil for nowhere.
    package var httpChallenges: ListenAddress?

    package init(
      directoryURL: String, domain: String, email: String, acceptsTerms: Bool, httpChallenges: ListenAddress? = nil
    ) {
      self.directoryURL = directoryURL
      self.domain = domain
      self.email = email
      self.acceptsTerms = acceptsTerms
      self.httpChallenges = httpChallenges
    }
  }

  package var address: String
  package var port: Int
  /// What the document asks clients to wait between two fetches, in seconds.
  package var refreshHint: Int64
  package var profile: Profile

  package init(address: String, port: Int, refreshHint: Int64, profile: Profile) {
    self.address = address
    self.port = port
    self.refreshHint = refreshHint
    self.profile = profile
  }
}

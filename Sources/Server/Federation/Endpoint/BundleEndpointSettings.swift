/// `federation.bundle_endpoint`, checked: where and how this trust domain's bundle is served (server-config §4).
package struct BundleEndpointSettings: Hashable, Sendable {
  /// How the endpoint proves who it is.
  package enum Profile: Hashable, Sendable {
    /// With the server's X509-SVID.
    case httpsSPIFFE
    /// With a certificate of the web, from files that are read again after each interval.
    case httpsWeb(certificateFile: String, keyFile: String, interval: Duration)
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

package import SPIFFE

/// Where the server is and which identity it must prove. A value.
package struct ServerAddress: Hashable, Sendable {
  package let host: String
  package let port: Int
  package let trustDomain: TrustDomain

  package init(host: String, port: Int, trustDomain: TrustDomain) {
    self.host = host
    self.port = port
    self.trustDomain = trustDomain
  }

  /// `spiffe://<trust domain>/spire/server`
  package var serverID: SPIFFEID {
    get throws(SPIFFEIDError) { try SPIFFEID(trustDomain: trustDomain, path: "/spire/server") }
  }
}

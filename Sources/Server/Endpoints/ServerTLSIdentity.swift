package import Authority
package import Daemon
package import Logging
package import RPC
package import SPIFFE

/// What the TCP endpoint presents, and whom it lets in (server-behaviour §7.3): the server's own SVID of the moment;
/// callers without a certificate as anonymous; callers with an X509-SVID of this trust domain, or of an ID that is
/// listed in `admin_ids`, verified against the bundle of the ID's own trust domain. Asked per connection; keeps nothing.
package struct ServerTLSIdentity: TLSIdentity {
  private let trustDomain: TrustDomain
  private let adminIDs: Set<SPIFFEID>
  private let svid: ServerSVIDRotator
  private let bundles: BundleCache
  private let time: any TimeSource
  private let logger: Logger

  package init(
    trustDomain: TrustDomain, adminIDs: Set<SPIFFEID>, svid: ServerSVIDRotator, bundles: BundleCache,
    time: any TimeSource, logger: Logger
  ) {
    self.trustDomain = trustDomain
    self.adminIDs = adminIDs
    self.svid = svid
    self.bundles = bundles
    self.time = time
    self.logger = logger
  }

  package func credential() throws -> TLSCredential {
    let current = svid.current
    return TLSCredential(chain: current.chain, key: .der(current.privateKey))
  }

  package func verify(_ chain: [[UInt8]]) async throws -> VerifiedX509SVID {
    guard let first = chain.first else {
      throw SPIFFEError(.invalidX509SVID, "x509svid: empty certificates chain")
    }
    let claimed = try X509Certificates.spiffeID(of: try X509Certificates.parse(der: first))
    guard claimed.isMember(of: trustDomain) || adminIDs.contains(claimed) else {
      throw SPIFFEError(.invalidX509SVID, "unexpected trust domain in ID \"\(claimed)\"")
    }
    guard let verifier = try await bundles.verifier(for: claimed.trustDomain) else {
      throw SPIFFEError(.unknownTrustDomain, "no bundle for trust domain \"\(claimed.trustDomain)\"")
    }
    return try verifier.verify(chain: chain, at: time.now)
  }
}

package import Daemon
import FoundationEssentials
package import SPIFFE
import Synchronization

/// Who is a broker: the holder of an X509-SVID that leads to an authority of a bundle that the agent knows, whatever its
/// trust domain, and whose ID is configured.
///
/// The endpoints ask at each handshake, calls ask again for as long as they last. A lock isolates the authorities, which
/// are parsed once per bundle.
package final class BrokerTrust: Sendable {
  /// A bundle as it is used here.
  struct Anchors: Sendable {
    let bundle: PreparedBundle
    let verifier: X509SVIDVerifier
    let taintedKeyIDs: Set<[UInt8]>

    init(_ bundle: PreparedBundle) {
      self.bundle = bundle
      verifier = X509SVIDVerifier(bundle: bundle.bundle)
      taintedKeyIDs = Set(
        bundle.bundle.x509Authorities.filter(\.tainted).compactMap { CertificateFacts.subjectKeyID(of: $0.der) })
    }
  }

  private let cache: WorkloadCacheStore
  private let brokers: Set<SPIFFEID>
  private let known = Mutex<[TrustDomain: Anchors]>([:])
  let time: any TimeSource

  package init(cache: WorkloadCacheStore, brokers: Set<SPIFFEID>, time: any TimeSource) {
    self.cache = cache
    self.brokers = brokers
    self.time = time
  }

  /// Verifies what a client presents.
  ///
  /// - Throws: what the log says of the refusal.
  package func verify(_ chain: [[UInt8]]) throws -> VerifiedX509SVID {
    guard let first = chain.first else { throw SPIFFEError(.invalidX509SVID, "x509svid: empty certificates chain") }
    let id = try X509Certificates.spiffeID(of: try X509Certificates.parse(der: first))
    guard brokers.contains(id) else {
      throw AgentError(.permissionDenied, "unexpected ID \"\(id)\": it is not among experimental.broker.brokers")
    }
    return try verify(chain, try anchors(of: id.trustDomain))
  }

  func verify(_ chain: [[UInt8]], _ anchors: Anchors) throws -> VerifiedX509SVID {
    let svid = try anchors.verifier.verify(chain: chain, at: time.now)
    // A broker is given the keys of others: an authority that may be in wrong hands does not vouch for it.
    if !anchors.taintedKeyIDs.isEmpty,
      CertificateFacts.authorityKeyIDs(ofChain: svid.chain).contains(where: anchors.taintedKeyIDs.contains)
    {
      throw AgentError(.unauthenticated, "the X509-SVID of \"\(svid.id)\" was signed by a tainted authority")
    }
    return svid
  }

  /// The authorities of a trust domain as they are now.
  func anchors(of trustDomain: TrustDomain) throws(SPIFFEError) -> Anchors {
    let bundles = cache.bundles
    let now = bundles.own.trustDomain == trustDomain ? bundles.own : bundles.federated[trustDomain]
    guard let now else {
      known.withLock { _ = $0.removeValue(forKey: trustDomain) }
      throw SPIFFEError(.unknownTrustDomain, "no bundle for trust domain \"\(trustDomain)\"")
    }
    if let made = known.withLock({ $0[trustDomain] }), made.bundle === now { return made }
    let made = Anchors(now)
    known.withLock { $0[trustDomain] = made }
    return made
  }
}

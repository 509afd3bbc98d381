public import FoundationEssentials
import X509

/// Verifies X509-SVID chains against bundles (X509-SVID §5), without I/O and within a bounded time, so that it can be
/// called on an event loop. Authorities are parsed once, when the verifier is made.
///
/// A chain is only ever checked against the bundle of the leaf's own trust domain. Tainted authorities still verify:
/// taint makes workloads rotate, it does not cut them off.
public struct X509SVIDVerifier: Sendable {
  /// The most certificates that a peer may present.
  public static let maximumChainLength = 10
  /// The most bytes that a peer may present.
  public static let maximumChainSize = 128 << 10

  private let authorities: [TrustDomain: [X509Candidate]]

  /// A verifier for the SVIDs of one trust domain.
  ///
  /// Authorities that cannot be parsed cannot verify anything and are left out.
  public init(bundle: Bundle) { self.init(bundles: [bundle]) }

  /// A verifier for the SVIDs of several trust domains. Of two bundles for one trust domain the last one counts.
  public init(bundles: some Sequence<Bundle>) {
    var authorities: [TrustDomain: [X509Candidate]] = [:]
    for bundle in bundles {
      authorities[bundle.trustDomain] = bundle.x509Authorities.compactMap { try? X509Candidate(der: $0.der) }
    }
    self.authorities = authorities
  }

  /// Verifies a chain as a peer presents it: the leaf first, then intermediates in any order.
  ///
  /// - Parameters:
  ///   - chain: DER certificates.
  ///   - date: the time at which every certificate of the path must be valid.
  /// - Throws: ``SPIFFEError``: `chainTooLong`, `malformedCertificate`, `invalidX509SVID` (a leaf rule),
  ///   `unknownTrustDomain` (no bundle), `unknownAuthority`, `expired` or `invalidPath`.
  public func verify(chain: [[UInt8]], at date: Date) throws(SPIFFEError) -> VerifiedX509SVID {
    guard let first = chain.first else { throw SPIFFEError(.invalidX509SVID, "x509svid: empty certificates chain") }
    guard chain.count <= Self.maximumChainLength, chain.reduce(0, { $0 + $1.count }) <= Self.maximumChainSize else {
      throw SPIFFEError(
        .chainTooLong,
        "x509svid: chain is longer than \(Self.maximumChainLength) certificates or \(Self.maximumChainSize) bytes")
    }
    let leaf = try X509Candidate(der: first)
    let id = try Self.leafID(leaf)
    guard let anchors = authorities[id.trustDomain] else {
      throw SPIFFEError(
        .unknownTrustDomain,
        "x509svid: could not get X509 bundle: no X.509 bundle found for trust domain: \"\(id.trustDomain)\"")
    }
    var intermediates: [X509Candidate] = []
    for der in chain.dropFirst() { intermediates.append(try X509Candidate(der: der)) }
    var builder = X509PathBuilder(anchors: anchors, intermediates: intermediates, at: date)
    do {
      let path = try builder.path(from: leaf)
      return VerifiedX509SVID(id: id, leaf: leaf.certificate, chain: path.map(\.der))
    } catch {
      throw SPIFFEError(error.code, "x509svid: could not verify leaf certificate: \(error.message)", cause: error)
    }
  }

  /// The ID of a leaf that keeps the rules of X509-SVID §2, §4 and §5.2.
  private static func leafID(_ leaf: X509Candidate) throws(SPIFFEError) -> SPIFFEID {
    func refused(_ why: String) -> SPIFFEError { SPIFFEError(.invalidX509SVID, "x509svid: \(why)") }
    let uris = leaf.names.compactMap { if case .uniformResourceIdentifier(let uri) = $0 { uri } else { nil } }
    guard let uri = uris.first else { throw refused("could not get SPIFFE ID: certificate contains no URI SAN") }
    guard uris.count == 1 else {
      throw refused("could not get SPIFFE ID: certificate contains more than one URI SAN")
    }
    let id: SPIFFEID
    do { id = try SPIFFEID(uri) } catch {
      throw SPIFFEError(.invalidX509SVID, "x509svid: could not get SPIFFE ID: \(error)", cause: error)
    }
    guard !id.path.isEmpty else { throw refused("leaf certificate's SPIFFE ID has no path") }
    guard !leaf.isCA else { throw refused("leaf certificate with CA flag set to true") }
    let usage = leaf.keyUsage ?? KeyUsage()
    guard !usage.keyCertSign else { throw refused("leaf certificate with KeyCertSign key usage") }
    guard !usage.cRLSign else { throw refused("leaf certificate with KeyCrlSign key usage") }
    guard usage.digitalSignature else { throw refused("leaf certificate without DigitalSignature key usage") }
    return id
  }
}

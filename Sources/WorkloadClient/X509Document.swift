import Crypto
import Daemon
package import FoundationEssentials
import SPIFFE
package import WorkloadProtos
package import X509

/// A response of FetchX509SVID taken apart: every certificate is parsed, every chain checked on demand.
package struct X509Document: Sendable {
  package struct SVID: Sendable {
    package let spiffeID: String
    package let hint: String
    /// The leaf, then the intermediates.
    package let chain: [Certificate]
    package let chainDER: [[UInt8]]
    /// PKCS #8, DER.
    package let privateKey: [UInt8]
    package let bundle: [Certificate]
    package let bundleDER: [[UInt8]]
  }

  package struct FederatedBundle: Sendable {
    /// The trust domain as the agent named it, `spiffe://partner.test`.
    package let trustDomain: String
    package let certificates: [Certificate]
    package let der: [[UInt8]]
  }

  package let svids: [SVID]
  /// Sorted by trust domain.
  package let federatedBundles: [FederatedBundle]

  package init(_ response: WorkloadX509SVIDResponse) throws(WorkloadClientError) {
    guard !response.svids.isEmpty else { throw WorkloadClientError(.malformed, "workload response contains no svids") }
    var bundles: [FederatedBundle] = []
    for (name, data) in response.federatedBundles.sorted(by: { $0.key < $1.key }) {
      let der: [[UInt8]]
      let certificates: [Certificate]
      do { (der, certificates) = try Self.certificates(data) } catch {
        throw WorkloadClientError(.malformed, "failed to parse bundle for federated domain \"\(name)\": \(error)")
      }
      if certificates.isEmpty {
        throw WorkloadClientError(.malformed, "no certificates in bundle for federated domain \"\(name)\"")
      }
      bundles.append(FederatedBundle(trustDomain: name, certificates: certificates, der: der))
    }
    federatedBundles = bundles
    var svids: [SVID] = []
    for (index, svid) in response.svids.enumerated() {
      do { svids.append(try Self.parse(svid)) } catch {
        throw WorkloadClientError(
          .malformed, "failed to parse svid entry \(index) for spiffe id \"\(svid.spiffeID)\": \(error)")
      }
    }
    self.svids = svids
  }

  /// Checks that each chain leads to the bundle that came with it, at `date`.
  package func verify(at date: Date) throws {
    for svid in svids {
      let id = try SPIFFEID(svid.spiffeID)
      let bundle = Bundle(trustDomain: id.trustDomain, x509Authorities: svid.bundleDER.map { X509Authority(der: $0) })
      _ = try X509SVIDVerifier(bundle: bundle).verify(chain: svid.chainDER, at: date)
    }
  }

  private static func parse(_ svid: WorkloadX509SVID) throws -> SVID {
    let (chainDER, chain) = try certificates(svid.x509Svid)
    if chain.isEmpty { throw WorkloadClientError(.malformed, "no certificates found") }
    let key = Array(svid.x509SvidKey)
    do { _ = try Certificate.PrivateKey(pemEncoded: PEM.encode(key, type: "PRIVATE KEY")) } catch {
      throw WorkloadClientError(.malformed, "failed to parse private key: \(error)")
    }
    let bundleDER: [[UInt8]]
    let bundle: [Certificate]
    do { (bundleDER, bundle) = try certificates(svid.bundle) } catch {
      throw WorkloadClientError(.malformed, "failed to parse trust bundle: \(error)")
    }
    if bundle.isEmpty { throw WorkloadClientError(.malformed, "no certificates in trust bundle") }
    return SVID(
      spiffeID: svid.spiffeID, hint: svid.hint, chain: chain, chainDER: chainDER, privateKey: key, bundle: bundle,
      bundleDER: bundleDER)
  }

  private static func certificates(_ data: Data) throws -> ([[UInt8]], [Certificate]) {
    let der = try X509Certificates.splitDER(Array(data))
    return (der, try der.map { try X509Certificates.parse(der: $0) })
  }
}

import Daemon
import SPIFFE
import SVIDFiles
import WorkloadClient
import X509

extension X509Document {
  /// The SVID that the hint names, the first one without a hint, and what is written beside it.
  func material(hint: String) throws -> X509Material {
    let found = hint.isEmpty ? svids.first : svids.first { $0.hint == hint }
    guard let svid = found else { throw HelperError(.unusable, "failed to find the hinted x509 SVID") }
    guard let leaf = svid.chain.first else { throw HelperError(.unusable, "the X.509 SVID has no certificate") }
    var federated: [TrustDomain: [[UInt8]]] = [:]
    for bundle in federatedBundles { federated[try TrustDomain(bundle.trustDomain)] = bundle.der }
    return X509Material(
      id: try SPIFFEID(svid.spiffeID), chain: svid.chainDER, privateKey: svid.privateKey, bundle: svid.bundleDER,
      federatedBundles: federated, expiresAt: leaf.notValidAfter)
  }
}

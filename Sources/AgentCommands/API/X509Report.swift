import Console
import Daemon
import Flags
import FoundationEssentials
import WorkloadClient
import X509

/// X.509-SVIDs as `api fetch` and `api watch` show them: what there is and how long it is valid.
enum X509Report {
  /// - Parameters:
  ///   - showsHints: fetch does, watch does not.
  ///   - bareNames: whether federated trust domains are named without `spiffe://`, as watch does.
  static func print(
    _ document: X509Document, elapsed: Duration, showsHints: Bool, bareNames: Bool, io: CommandIO
  ) {
    io.print("Received \(count(document.svids.count, "svid", "svids")) after \(GoDuration.format(elapsed))")
    for svid in document.svids {
      io.print()
      io.print("SPIFFE ID:\t\t\(svid.spiffeID)")
      if showsHints && !svid.hint.isEmpty { io.print("Hint:\t\t\t\(svid.hint)") }
      for (index, certificate) in svid.chain.enumerated() {
        validity(index == 0 ? "SVID" : "Intermediate #\(index)", certificate, io)
      }
      for (index, certificate) in svid.bundle.enumerated() { validity("CA #\(index + 1)", certificate, io) }
      for bundle in document.federatedBundles {
        let name = bareNames ? bundle.trustDomain.replacing("spiffe://", with: "") : bundle.trustDomain
        for (index, certificate) in bundle.certificates.enumerated() {
          validity("[\(name)] CA #\(index + 1)", certificate, io)
        }
      }
    }
    io.print()
  }

  private static func validity(_ label: String, _ certificate: Certificate, _ io: CommandIO) {
    io.print("\(label) Valid After:\t\(Times.utc(certificate.notValidBefore))")
    io.print("\(label) Valid Until:\t\(Times.utc(certificate.notValidAfter))")
  }
}

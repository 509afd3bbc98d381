import Daemon
package import FoundationEssentials
import SPIFFE
import X509

/// Which files an X509-SVID becomes, under the rules and names of spiffe-helper (ecosystem §2). A value; pure.
package struct X509FilePlan: Hashable, Sendable {
  package var certificateFile: String
  package var keyFile: String
  package var bundleFile: String
  /// Intermediates stand in the bundle's file and not in the certificate's.
  package var addsIntermediatesToBundle = false
  /// The bundle's file also has the authorities of federated trust domains.
  package var includesFederatedDomains = false
  /// Certificates that expired are left out; the leaf never is.
  package var omitsExpired = false
  package var certificateMode: UInt32 = 0o644
  package var keyMode: UInt32 = 0o600

  package init(certificateFile: String, keyFile: String, bundleFile: String) {
    self.certificateFile = certificateFile
    self.keyFile = keyFile
    self.bundleFile = bundleFile
  }

  /// The files in the order in which they are to appear: whoever sees the new certificate finds its key and its bundle.
  package func files(for svid: X509Material, at now: Date) throws(SVIDFileError) -> [PlannedFile] {
    guard let leaf = svid.chain.first else {
      throw SVIDFileError(.malformed, "the X509-SVID of \"\(svid.id)\" has no certificate")
    }
    var certificates = Array(svid.chain.dropFirst())
    var authorities = svid.bundle
    if addsIntermediatesToBundle {
      authorities += certificates
      certificates = []
    }
    if includesFederatedDomains {
      for (domain, bundle) in svid.federatedBundles.sorted(by: { $0.key < $1.key })
      where domain != svid.id.trustDomain {
        authorities += bundle
      }
    }
    return [
      PlannedFile(name: bundleFile, bytes: try pem(authorities, now), mode: certificateMode),
      PlannedFile(name: keyFile, bytes: Array(PEM.encode(svid.privateKey, type: "PRIVATE KEY").utf8), mode: keyMode),
      PlannedFile(
        name: certificateFile, bytes: Array(PEM.encode(leaf, type: "CERTIFICATE").utf8) + (try pem(certificates, now)),
        mode: certificateMode),
    ]
  }

  private func pem(_ certificates: [[UInt8]], _ now: Date) throws(SVIDFileError) -> [UInt8] {
    var text = ""
    for der in certificates {
      if omitsExpired {
        do {
          if try X509Certificates.parse(der: der).notValidAfter < now { continue }
        } catch { throw SVIDFileError(.malformed, "a certificate cannot be read: \(error)", cause: error) }
      }
      text += PEM.encode(der, type: "CERTIFICATE")
    }
    return Array(text.utf8)
  }
}

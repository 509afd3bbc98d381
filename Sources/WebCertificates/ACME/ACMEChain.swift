package import FoundationEssentials
package import SPIFFE
import X509

/// A chain that the authority issued for a name and a key, checked to be theirs. A value.
package struct ACMEChain: Sendable {
  private static let maximumLength = 10

  /// DER, leaf first.
  package let certificates: [[UInt8]]
  package let notBefore: Date
  package let notAfter: Date

  /// - Parameter pem: CERTIFICATE blocks (RFC 8555 §9.1); other blocks of a stored file are passed over.
  /// - Throws: ``ACMEError`` with code `badCertificate`.
  package init(pem: [UInt8], domain: String, key: PublicKey, now: Date) throws(ACMEError) {
    func bad(_ reason: String) -> ACMEError { ACMEError(.badCertificate, "the certificate of \(domain) \(reason)") }
    guard pem.count <= ACMEDocument.maximumSize, let text = String(validating: pem, as: UTF8.self) else {
      throw bad("is not PEM text")
    }
    let blocks: [[UInt8]]
    do { blocks = try PEM.decode(text, type: "CERTIFICATE") } catch { throw bad("cannot be read: \(error)") }
    guard let first = blocks.first, blocks.count <= Self.maximumLength else {
      throw bad("is a chain of \(blocks.count) certificates")
    }
    do {
      for block in blocks { _ = try X509Certificates.parse(der: block) }
      let leaf = try X509Certificates.parse(der: first)
      guard try X509Certificates.publicKey(of: leaf) == key else { throw bad("is for another key") }
      guard try X509Certificates.dnsNames(of: leaf).contains(where: { $0.lowercased() == domain }) else {
        throw bad("is for another name")
      }
      guard leaf.notValidAfter > now, leaf.notValidAfter > leaf.notValidBefore else { throw bad("has expired") }
      notBefore = leaf.notValidBefore
      notAfter = leaf.notValidAfter
    } catch {
      throw error as? ACMEError ?? bad("cannot be read: \(error)")
    }
    certificates = blocks
  }
}

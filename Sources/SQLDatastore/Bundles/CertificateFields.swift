import DatastoreAPI
import FoundationEssentials
import SwiftASN1
import X509

/// The fields of a CA certificate by which the datastore prunes and taints.
struct CertificateFields {
  /// Unix seconds.
  let notAfter: Int64
  /// Lower-case hex; empty without the extension.
  let subjectKeyID: String

  init(der: [UInt8], trustDomain: String) throws(DatastoreError) {
    do {
      let certificate = try Certificate(derEncoded: der)
      notAfter = Int64(certificate.notValidAfter.timeIntervalSince1970.rounded(.down))
      subjectKeyID = try certificate.extensions.subjectKeyIdentifier.map { Self.hex($0.keyIdentifier) } ?? ""
    } catch {
      throw .damagedRow("an X.509 authority in the bundle of \"\(trustDomain)\"", cause: error)
    }
  }

  private static func hex(_ bytes: some Collection<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}

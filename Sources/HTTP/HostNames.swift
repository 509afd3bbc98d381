import SPIFFE
import X509

/// The hosts that a certificate is for: its DNS names, as RFC 9525 §6.3 compares them. A value.
struct HostNames {
  private let names: [String]

  /// - Throws: when the certificate or the extension cannot be read.
  init(ofCertificate der: [UInt8]) throws {
    let certificate = try X509Certificates.parse(der: der)
    names = (try certificate.extensions.subjectAlternativeNames ?? SubjectAlternativeNames([])).compactMap {
      if case .dnsName(let name) = $0 { Self.folded(name) } else { nil }
    }
  }

  /// Whether one of the names is `host`, or stands for it with `*` as its whole first label.
  func contain(_ host: String) -> Bool {
    let host = Self.folded(host)
    guard let dot = host.firstIndex(of: "."), dot > host.startIndex else { return names.contains(host) }
    return names.contains(host) || names.contains("*" + host[dot...])
  }

  private static func folded(_ name: String) -> String {
    let name = name.lowercased()
    return name.hasSuffix(".") ? String(name.dropLast()) : name
  }
}

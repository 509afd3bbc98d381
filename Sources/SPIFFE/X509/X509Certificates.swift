import FoundationEssentials
import SwiftASN1
public import X509

/// Reads what SPIFFE needs from X.509 certificates (X509-SVID, RFC 5280). Nothing here says that a certificate is
/// trusted: that is ``X509SVIDVerifier``'s word alone.
public enum X509Certificates {
  /// The largest certificate that is parsed, in bytes.
  public static let maximumSize = 64 << 10

  /// Parses one DER certificate.
  ///
  /// - Throws: ``SPIFFEError`` with code `malformedCertificate`.
  public static func parse(der: [UInt8]) throws(SPIFFEError) -> Certificate {
    guard der.count <= maximumSize else {
      throw SPIFFEError(.malformedCertificate, "x509: certificate is larger than \(maximumSize) bytes")
    }
    do { return try Certificate(derEncoded: der) } catch {
      throw SPIFFEError(.malformedCertificate, "x509: malformed certificate: \(error)", cause: error)
    }
  }

  /// The DER encoding of `certificate`, the same bytes that it was parsed from.
  public static func der(of certificate: Certificate) throws(SPIFFEError) -> [UInt8] {
    var serializer = DER.Serializer()
    do { try serializer.serialize(certificate) } catch {
      throw SPIFFEError(.malformedCertificate, "x509: certificate cannot be encoded", cause: error)
    }
    return serializer.serializedBytes
  }

  /// Cuts certificates that stand one after the other (the Workload API's chains and bundles) into single ones.
  ///
  /// - Throws: ``SPIFFEError`` with code `malformedDER` if anything but whole DER sequences is found.
  public static func splitDER(_ concatenated: [UInt8]) throws(SPIFFEError) -> [[UInt8]] {
    var reader = DERReader(concatenated[...])
    var certificates: [[UInt8]] = []
    while !reader.isAtEnd {
      guard let element = reader.next(DERTag.sequence) else {
        throw SPIFFEError(.malformedDER, "x509: malformed certificate after \(certificates.count) certificates")
      }
      certificates.append(Array(element.encoded))
    }
    return certificates
  }

  /// The SPIFFE ID in the certificate: its only URI SAN. For a signing certificate the path may be empty.
  ///
  /// - Throws: ``SPIFFEError`` with code `invalidX509SVID`.
  public static func spiffeID(of certificate: Certificate) throws(SPIFFEError) -> SPIFFEID {
    let uris = try uriNames(of: certificate)
    guard let uri = uris.first else {
      throw SPIFFEError(.invalidX509SVID, "certificate contains no URI SAN")
    }
    guard uris.count == 1 else {
      throw SPIFFEError(.invalidX509SVID, "certificate contains more than one URI SAN")
    }
    do { return try SPIFFEID(uri) } catch {
      throw SPIFFEError(.invalidX509SVID, "could not get SPIFFE ID: \(error)", cause: error)
    }
  }

  /// The URI names of the subjectAltName extension.
  public static func uriNames(of certificate: Certificate) throws(SPIFFEError) -> [String] {
    try names(of: certificate).compactMap { if case .uniformResourceIdentifier(let uri) = $0 { uri } else { nil } }
  }

  /// The DNS names of the subjectAltName extension.
  public static func dnsNames(of certificate: Certificate) throws(SPIFFEError) -> [String] {
    try names(of: certificate).compactMap { if case .dnsName(let name) = $0 { name } else { nil } }
  }

  /// All names of the subjectAltName extension.
  static func names(of certificate: Certificate) throws(SPIFFEError) -> [GeneralName] {
    do { return try certificate.extensions.subjectAlternativeNames.map(Array.init) ?? [] } catch {
      throw SPIFFEError(.malformedCertificate, "x509: malformed subjectAltName", cause: error)
    }
  }

  /// The certified key.
  ///
  /// - Throws: ``SPIFFEError`` with code `unsupportedKey` for a key that is neither EC nor RSA.
  public static func publicKey(of certificate: Certificate) throws(SPIFFEError) -> PublicKey {
    var serializer = DER.Serializer()
    do { try serializer.serialize(certificate.publicKey) } catch {
      throw SPIFFEError(.malformedKey, "x509: public key cannot be encoded", cause: error)
    }
    return try PublicKey(pkix: serializer.serializedBytes)
  }

  /// The value of the subjectKeyIdentifier extension, or nil if there is none.
  public static func subjectKeyIdentifier(of certificate: Certificate) -> [UInt8]? {
    ((try? certificate.extensions.subjectKeyIdentifier) ?? nil).map { Array($0.keyIdentifier) }
  }

  /// The key identifier in the authorityKeyIdentifier extension, or nil if there is none.
  public static func authorityKeyIdentifier(of certificate: Certificate) -> [UInt8]? {
    ((try? certificate.extensions.authorityKeyIdentifier) ?? nil).flatMap { $0.keyIdentifier.map(Array.init) }
  }

  /// The serial number in decimal, as entries, logs and the datastore hold it.
  public static func serialNumber(of certificate: Certificate) -> String {
    decimal(certificate.serialNumber.bytes)
  }

  /// The unsigned big-endian number `bytes` in decimal.
  ///
  /// The time grows with the square of the length, so 32 bits are taken at a time: a certificate may hold a serial number
  /// of many thousand bytes.
  static func decimal(_ bytes: some Collection<UInt8>) -> String {
    let base: UInt64 = 1_000_000_000
    let digits = Array(bytes)
    // Nine decimal digits in each, the lowest first.
    var groups: [UInt64] = [0]
    var start = 0
    var end = digits.count % 4
    while end <= digits.count {
      var carry = digits[start..<end].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      let shift = UInt64(8 * (end - start))
      for index in groups.indices {
        carry += groups[index] << shift
        (carry, groups[index]) = carry.quotientAndRemainder(dividingBy: base)
      }
      while carry > 0 {
        groups.append(carry % base)
        carry /= base
      }
      start = end
      end += 4
    }
    var text = String(groups.removeLast())
    for group in groups.reversed() {
      let low = String(group)
      text += String(repeating: "0", count: 9 - low.utf8.count) + low
    }
    return text
  }
}

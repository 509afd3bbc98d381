import Crypto
import FoundationEssentials
import Keys
import SPIFFE
import SwiftASN1
import X509

/// What the agent path template of `x509pop` can name: fields of the verified certificate under the names of Go's
/// crypto/x509, and what the plugin adds (server-plugins §4.1). A value.
struct X509PoPFields {
  /// The fields at the top; a template that names another one is refused when it is configured.
  static let names: Set<String> = [
    "PluginName", "Fingerprint", "TrustDomain", "SerialNumberHex", "SVIDPathTrimmed", "URISanSelectors", "Subject",
    "Issuer", "SerialNumber", "DNSNames", "EmailAddresses", "IPAddresses", "URIs", "Version", "IsCA",
    "BasicConstraintsValid", "Raw", "SubjectKeyId", "AuthorityKeyId", "NotBefore", "NotAfter", "SignatureAlgorithm",
    "PublicKeyAlgorithm",
  ]
  private static let attributes: [(type: ASN1ObjectIdentifier, name: String)] = [
    ([2, 5, 4, 6], "Country"), ([2, 5, 4, 10], "Organization"), ([2, 5, 4, 11], "OrganizationalUnit"),
    ([2, 5, 4, 7], "Locality"), ([2, 5, 4, 8], "Province"), ([2, 5, 4, 9], "StreetAddress"),
    ([2, 5, 4, 17], "PostalCode"),
  ]
  private static let commonNameType: ASN1ObjectIdentifier = [2, 5, 4, 3]
  private static let serialNumberType: ASN1ObjectIdentifier = [2, 5, 4, 5]

  let chain: VerifiedX509Chain
  let trustDomain: TrustDomain
  let svidPath: String
  let sanSelectors: [String: String]

  /// The last common name of the subject, as Go has it.
  var commonName: String? { Self.commonName(of: chain.leaf.subject) }

  /// Lower case, an even number of digits.
  var serialNumberHex: String {
    let digits = chain.leaf.serialNumber.bytes.drop { $0 == 0 }
    return digits.isEmpty ? "00" : Self.hex(digits)
  }

  /// The SHA-1 of a certificate: its name in agent IDs and selectors, not a proof of anything.
  static func fingerprint(_ der: [UInt8]) -> String { hex(Insecure.SHA1.hash(data: der)) }

  /// The last common name, as Go has it.
  static func commonName(of name: DistinguishedName) -> String? { last(commonNameType, name) }

  /// A selector for each certificate on a way from the node's to a root.
  static func authoritySelectors(of chain: VerifiedX509Chain) -> [String] {
    var seen: Set<[UInt8]> = []
    return chain.paths.flatMap { $0.dropFirst() }.filter { seen.insert($0).inserted }
      .map { "ca:fingerprint:" + fingerprint($0) }
  }

  private static func hex(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  var value: TemplateValue {
    func foreign(_ texts: [String]) -> TemplateValue { .list(texts.map { .foreign($0) }) }
    func names(_ pick: (GeneralName) -> String?) -> TemplateValue { foreign(chain.names.compactMap(pick)) }
    let leaf = chain.leaf
    var fields: [String: TemplateValue] = [
      "PluginName": .text("x509pop"), "Fingerprint": .text(Self.fingerprint(chain.leafDER)),
      "TrustDomain": .text(trustDomain.name), "SerialNumberHex": .text(serialNumberHex),
      // A path by nature; the SPIFFE ID that it is from has been parsed.
      "SVIDPathTrimmed": .text(svidPath),
      "URISanSelectors": .map(sanSelectors.mapValues { .foreign($0) }),
      "Subject": Self.name(leaf.subject), "Issuer": Self.name(leaf.issuer),
      "SerialNumber": .large(
        decimal: X509Certificates.serialNumber(of: leaf), bytes: Array(leaf.serialNumber.bytes)),
      "Raw": .bytes(chain.leafDER),
    ]
    fields["DNSNames"] = names { if case .dnsName(let name) = $0 { name } else { nil } }
    fields["EmailAddresses"] = names { if case .rfc822Name(let name) = $0 { name } else { nil } }
    fields["IPAddresses"] = names {
      if case .ipAddress(let bytes) = $0 { IPAddressBytes.text(Array(bytes.bytes)) } else { nil }
    }
    fields["URIs"] = names { if case .uniformResourceIdentifier(let uri) = $0 { uri } else { nil } }
    fields["Version"] = .integer(leaf.version == .v3 ? 3 : 1)
    fields["IsCA"] = .bool(isCA)
    fields["BasicConstraintsValid"] = .bool((try? leaf.extensions.basicConstraints) != nil)
    let subjectKey = try? leaf.extensions.subjectKeyIdentifier?.keyIdentifier
    let authorityKey = try? leaf.extensions.authorityKeyIdentifier?.keyIdentifier
    fields["SubjectKeyId"] = .bytes(subjectKey.map { Array($0) } ?? [])
    fields["AuthorityKeyId"] = .bytes(authorityKey.map { Array($0) } ?? [])
    fields["NotBefore"] = Self.time(leaf.notValidBefore)
    fields["NotAfter"] = Self.time(leaf.notValidAfter)
    fields["SignatureAlgorithm"] = .text(Self.signatureAlgorithms[leaf.signatureAlgorithm] ?? "0")
    fields["PublicKeyAlgorithm"] = .text(keyAlgorithm)
    return .structure(fields)
  }

  private static let signatureAlgorithms: [Certificate.SignatureAlgorithm: String] = [
    .sha1WithRSAEncryption: "SHA1-RSA", .sha256WithRSAEncryption: "SHA256-RSA", .sha384WithRSAEncryption: "SHA384-RSA",
    .sha512WithRSAEncryption: "SHA512-RSA", .ecdsaWithSHA256: "ECDSA-SHA256", .ecdsaWithSHA384: "ECDSA-SHA384",
    .ecdsaWithSHA512: "ECDSA-SHA512", .ed25519: "Ed25519",
  ]

  private var keyAlgorithm: String {
    guard let key = try? X509Certificates.publicKey(of: chain.leaf) else { return "0" }
    if case .rsa = key.keyType { return "RSA" }
    return "ECDSA"
  }

  /// The methods of Go's time that take nothing.
  private static func time(_ date: Date) -> TemplateValue {
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = .gmt
    let parts = calendar.dateComponents([.year, .day, .hour, .minute, .second, .dayOfYear], from: date)
    return .structure([
      "Unix": .integer(Int(date.timeIntervalSince1970)), "Year": .integer(parts.year ?? 0),
      "Day": .integer(parts.day ?? 0), "Hour": .integer(parts.hour ?? 0), "Minute": .integer(parts.minute ?? 0),
      "Second": .integer(parts.second ?? 0), "YearDay": .integer(parts.dayOfYear ?? 0),
    ])
  }

  private var isCA: Bool {
    if case .isCertificateAuthority? = try? chain.leaf.extensions.basicConstraints { true } else { false }
  }

  private static func name(_ name: DistinguishedName) -> TemplateValue {
    var fields: [String: TemplateValue] = [
      "CommonName": .foreign(last(commonNameType, name) ?? ""),
      "SerialNumber": .foreign(last(serialNumberType, name) ?? ""),
    ]
    for (type, field) in attributes { fields[field] = .list(all(type, name).map { .foreign($0) }) }
    return .structure(fields)
  }

  private static func all(_ type: ASN1ObjectIdentifier, _ name: DistinguishedName) -> [String] {
    name.lazy.flatMap { $0 }.filter { $0.type == type }.compactMap { String($0.value) }
  }

  private static func last(_ type: ASN1ObjectIdentifier, _ name: DistinguishedName) -> String? {
    all(type, name).last
  }
}

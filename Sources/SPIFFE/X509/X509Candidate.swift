import FoundationEssentials
import SwiftASN1
import X509

/// A parsed certificate with everything that path validation reads, taken out once.
///
/// Made by ``X509SVIDVerifier`` for the authorities of a bundle (kept) and for a presented chain (per call). Names and
/// algorithm identifiers stay as encoded, because RFC 5280 chains are compared byte by byte here.
struct X509Candidate: Sendable {
  let der: [UInt8]
  let certificate: Certificate
  let issuer: ArraySlice<UInt8>
  let subject: ArraySlice<UInt8>
  /// Seconds since 1970, both inclusive.
  let notBefore: Int64
  let notAfter: Int64
  let basicConstraints: BasicConstraints?
  let keyUsage: KeyUsage?
  let subjectKeyID: [UInt8]?
  let authorityKeyID: [UInt8]?
  let names: [GeneralName]
  let nameConstraints: NameConstraints?
  /// A critical extension that is not understood, and so refuses the certificate (RFC 5280 §4.2).
  let unknownCriticalExtension: ASN1ObjectIdentifier?

  /// - Throws: ``SPIFFEError`` with code `malformedCertificate`.
  init(der: [UInt8]) throws(SPIFFEError) {
    let certificate = try X509Certificates.parse(der: der)
    let fields = try RawFields(der: der)
    self.der = der
    self.certificate = certificate
    issuer = fields.issuer
    subject = fields.subject
    notBefore = Int64(certificate.notValidBefore.timeIntervalSince1970)
    notAfter = Int64(certificate.notValidAfter.timeIntervalSince1970)
    let extensions = certificate.extensions
    do {
      basicConstraints = try extensions.basicConstraints
      keyUsage = try extensions.keyUsage
      subjectKeyID = try extensions.subjectKeyIdentifier.map { Array($0.keyIdentifier) }
      authorityKeyID = try extensions.authorityKeyIdentifier?.keyIdentifier.map(Array.init)
      names = try extensions.subjectAlternativeNames.map(Array.init) ?? []
      nameConstraints = try extensions.nameConstraints
    } catch {
      throw SPIFFEError(.malformedCertificate, "x509: malformed extension: \(error)", cause: error)
    }
    for identifier in Self.neverCritical where extensions[oid: identifier]?.critical == true {
      throw SPIFFEError(.malformedCertificate, "x509: key identifier incorrectly marked critical")
    }
    unknownCriticalExtension = extensions.first { $0.critical && !Self.understood.contains($0.oid) }?.oid
  }

  /// Only version 3 certificates have the extensions that make a CA.
  var isCA: Bool {
    guard certificate.version == .v3, case .isCertificateAuthority = basicConstraints else { return false }
    return true
  }

  /// How many intermediates that are not self-issued may follow, or nil if any number may.
  var pathLength: Int? {
    if case .isCertificateAuthority(let length) = basicConstraints { length } else { nil }
  }

  var isSelfIssued: Bool { issuer == subject }

  private static let understood: Set<ASN1ObjectIdentifier> = [
    .X509ExtensionID.keyUsage, .X509ExtensionID.basicConstraints, .X509ExtensionID.subjectAlternativeName,
    .X509ExtensionID.nameConstraints, .X509ExtensionID.extendedKeyUsage, certificatePolicies,
  ]
  /// Policies only narrow what a relying party asks for, and SPIFFE asks for none (RFC 5280 §6.1.1 c).
  private static let certificatePolicies: ASN1ObjectIdentifier = [2, 5, 29, 32]
  /// RFC 5280 §4.2.1.1 and §4.2.1.2.
  private static let neverCritical: [ASN1ObjectIdentifier] = [
    .X509ExtensionID.authorityKeyIdentifier, .X509ExtensionID.subjectKeyIdentifier,
  ]

  /// The fields of the TBSCertificate as they are encoded.
  private struct RawFields {
    let issuer: ArraySlice<UInt8>
    let subject: ArraySlice<UInt8>

    init(der: [UInt8]) throws(SPIFFEError) {
      func malformed(_ what: String) -> SPIFFEError { SPIFFEError(.malformedCertificate, "x509: \(what)") }
      var file = DERReader(der[...])
      guard let certificate = file.next(DERTag.sequence), file.isAtEnd else {
        throw malformed("trailing data after certificate")
      }
      var parts = DERReader(certificate.contents)
      guard let tbs = parts.next(DERTag.sequence), let outer = parts.next(DERTag.sequence) else {
        throw malformed("malformed certificate")
      }
      var fields = DERReader(tbs.contents)
      if fields.nextTag == DERTag.constructedContext(0) { _ = fields.next() }
      guard let serial = fields.next(DERTag.integer), let inner = fields.next(DERTag.sequence),
        let issuer = fields.next(DERTag.sequence), fields.next(DERTag.sequence) != nil,
        let subject = fields.next(DERTag.sequence)
      else { throw malformed("malformed tbs certificate") }
      guard let first = serial.contents.first, first < 0x80 else { throw malformed("negative serial number") }
      guard inner.encoded == outer.encoded else {
        throw malformed("inner and outer signature algorithm identifiers don't match")
      }
      // The empty name cannot say who signed (RFC 5280 §4.1.2.4).
      guard !issuer.contents.isEmpty else { throw malformed("certificate has an empty issuer") }
      self.issuer = issuer.encoded
      self.subject = subject.encoded
    }
  }
}

import SPIFFE

/// Writes the TBSCertificate of a template (RFC 5280 §4.1), in the order of extensions that upstream's have
/// (server-behaviour §4.1, §4.2): key usage, extended key usage, basic constraints, SKI, AKI, SAN, policies, extras.
struct CertificateEncoder {
  let issuer: X509Issuer
  let algorithm: CertificateSignature

  func tbsCertificate(_ template: X509Template, subjectKeyID: [UInt8]) -> [UInt8] {
    // Nearly all SVIDs have the same name.
    let subject = template.rawSubject ?? (template.subject == .svid ? Self.svidSubject : template.subject.encoded)
    var writer = DERWriter(capacity: 1024)
    writer.sequence { tbs in
      tbs.element(DERTag.constructedContext(0)) { $0.integer(2) }
      tbs.integer(template.serialNumber)
      tbs.raw(algorithm.identifier)
      tbs.raw(issuer.rawName)
      tbs.sequence {
        $0.time(template.notBefore)
        $0.time(template.notAfter)
      }
      tbs.raw(subject)
      tbs.raw(template.publicKey.pkix)
      tbs.element(DERTag.constructedContext(3)) { wrapper in
        wrapper.sequence { list in
          appendExtensions(template, subjectKeyID: subjectKeyID, hasSubject: subject.count > 2, to: &list)
        }
      }
    }
    return writer.bytes
  }

  private static let svidSubject = DistinguishedName.svid.encoded

  private func appendExtensions(
    _ template: X509Template, subjectKeyID: [UInt8], hasSubject: Bool, to list: inout DERWriter
  ) {
    item(.keyUsage, critical: true, to: &list) { $0.primitive(DERTag.bitString, template.keyUsage.bitString) }
    if !template.extendedKeyUsage.isEmpty {
      item(.extendedKeyUsage, to: &list) { value in
        value.sequence { uses in
          for use in template.extendedKeyUsage { uses.objectIdentifier(use) }
        }
      }
    }
    item(.basicConstraints, critical: true, to: &list) { value in
      value.sequence { if template.isCA { $0.boolean(true) } }
    }
    item(.subjectKeyIdentifier, to: &list) { $0.primitive(DERTag.octetString, subjectKeyID) }
    if let keyID = issuer.keyID, !keyID.isEmpty {
      item(.authorityKeyIdentifier, to: &list) { value in
        value.sequence { $0.primitive(DERTag.context(0), keyID) }
      }
    }
    if !template.dnsNames.isEmpty || !template.uris.isEmpty {
      // RFC 5280 §4.2.1.6: critical where the subject is empty.
      item(.subjectAlternativeName, critical: !hasSubject, to: &list) { value in
        value.sequence { names in
          for name in template.dnsNames { names.primitive(DERTag.context(2), name.utf8) }
          for uri in template.uris { names.primitive(DERTag.context(6), uri.utf8) }
        }
      }
    }
    if !template.policyIdentifiers.isEmpty {
      item(.certificatePolicies, to: &list) { value in
        value.sequence { policies in
          for policy in template.policyIdentifiers { policies.sequence { $0.objectIdentifier(policy) } }
        }
      }
    }
    for extra in template.extraExtensions {
      item(extra.type, critical: extra.isCritical, to: &list) { $0.raw(extra.value) }
    }
  }

  private func item(
    _ type: OID, critical: Bool = false, to list: inout DERWriter, _ value: (inout DERWriter) -> Void
  ) {
    list.sequence { item in
      item.objectIdentifier(type)
      if critical { item.boolean(true) }
      item.element(DERTag.octetString, value)
    }
  }
}

import Keys
import SPIFFE

/// Writes the request for this server's CA certificate (RFC 2986, server-behaviour §1.3), signed by the CA's own key.
struct CSREncoder {
  let template: X509Template
  let key: any ManagedKey

  nonisolated(nonsending) func encoded() async throws(AuthorityError) -> [UInt8] {
    let information = information()
    let algorithm = CertificateSignature(key: key.type)
    let signature: [UInt8]
    do {
      signature = try await key.sign(information, algorithm: algorithm.signing)
    } catch {
      throw AuthorityError(.internal, "unable to sign certificate request: \(error)", cause: error)
    }
    var writer = DERWriter(capacity: information.count + signature.count + 32)
    writer.sequence {
      $0.raw(information)
      $0.raw(algorithm.identifier)
      $0.bitString(signature)
    }
    return writer.bytes
  }

  /// CertificationRequestInfo: what is signed.
  private func information() -> [UInt8] {
    var writer = DERWriter(capacity: 512)
    writer.sequence { info in
      info.integer(0)
      info.raw(template.subject.encoded)
      info.raw(template.publicKey.pkix)
      info.element(DERTag.constructedContext(0)) { attributes in
        attributes.sequence { attribute in
          attribute.objectIdentifier(.extensionRequest)
          attribute.element(DERTag.set) { set in set.sequence { appendExtensions(to: &$0) } }
        }
      }
    }
    return writer.bytes
  }

  private func appendExtensions(to list: inout DERWriter) {
    list.sequence { item in
      item.objectIdentifier(.subjectAlternativeName)
      item.element(DERTag.octetString) { value in
        value.sequence { names in
          for uri in template.uris { names.primitive(DERTag.context(6), uri.utf8) }
        }
      }
    }
    for extra in template.extraExtensions {
      list.sequence { item in
        item.objectIdentifier(extra.type)
        if extra.isCritical { item.boolean(true) }
        item.element(DERTag.octetString) { $0.raw(extra.value) }
      }
    }
  }
}

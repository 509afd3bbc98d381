import Keys
import SPIFFE

/// Writes the request for a certificate of a host name (RFC 2986), signed by an EC P-256 key.
enum DomainRequest {
  private static let commonName: [UInt8] = [0x06, 0x03, 0x55, 0x04, 0x03]
  private static let subjectAltName: [UInt8] = [0x06, 0x03, 0x55, 0x1D, 0x11]
  /// 1.2.840.113549.1.9.14
  private static let extensionRequest: [UInt8] = [
    0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x0E,
  ]
  /// ecdsa-with-SHA256, 1.2.840.10045.4.3.2
  private static let ecdsaSHA256: [UInt8] = [0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02]

  static func make(for domain: String, key: any ManagedKey) async throws -> [UInt8] {
    let information = information(domain, key.publicKey.pkix)
    let signature = try await key.sign(information, algorithm: .ecdsaSHA256)
    var writer = DERWriter(capacity: information.count + 128)
    writer.sequence { request in
      request.raw(information)
      request.sequence { $0.raw(ecdsaSHA256) }
      request.bitString(signature)
    }
    return writer.bytes
  }

  private static func information(_ domain: String, _ publicKey: [UInt8]) -> [UInt8] {
    let name = Array(domain.utf8)
    var writer = DERWriter(capacity: 512)
    writer.sequence { information in
      information.integer(0)
      information.sequence { subject in
        // X.520: a common name has at most 64 characters.
        guard name.count <= 64 else { return }
        subject.element(0x31) { set in
          set.sequence { attribute in
            attribute.raw(commonName)
            attribute.primitive(0x0C, name)
          }
        }
      }
      information.raw(publicKey)
      information.element(0xA0) { attributes in
        attributes.sequence { attribute in
          attribute.raw(extensionRequest)
          attribute.element(0x31) { values in
            values.sequence { extensions in
              extensions.sequence { names in
                names.raw(subjectAltName)
                names.element(0x04) { $0.sequence { $0.primitive(0x82, name) } }
              }
            }
          }
        }
      }
    }
    return writer.bytes
  }
}

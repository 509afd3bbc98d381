import Daemon
import Keys
import NodeProofs
import SPIFFE

/// A device identity as it was provisioned: its certificate, and its key in the form that only its TPM can load. A value.
struct DevIDFiles: Sendable {
  private static let maximumBlob = 4096

  /// DER, the DevID's own first.
  let certificates: [[UInt8]]
  let area: TPMPublic
  /// The contents of a TPM2B_PRIVATE.
  let sealedKey: [UInt8]
  /// The number of the hash algorithm of the key's signatures.
  let signatureHash: UInt16

  var isRSA: Bool { area.isRSA }

  /// Reads the files; blocks.
  ///
  /// - Throws: a ``TPMFault`` without a code.
  init(certificate: String, publicArea: String, sealedKey: String) throws(TPMFault) {
    do { certificates = try PEMFile.certificates(certificate, setting: "devid_cert_path") } catch {
      throw TPMFault("cannot load certificate(s): \(error)")
    }
    self.sealedKey = try Self.blob(sealedKey, "private")
    let bytes = try Self.blob(publicArea, "public")
    func unusable(_ reason: String) -> TPMFault {
      TPMFault("cannot load public key: devid_pub_path \(publicArea): \(reason)")
    }
    do { area = try TPMPublic(bytes) } catch { throw unusable("\(error)") }
    guard area.attributes.contains(.sign) else { throw unusable("not a signing key") }
    guard let scheme = area.scheme, scheme.hash != 0 else { throw unusable("signature hash algorithm is NULL") }
    signatureHash = scheme.hash
    do {
      let certified = try X509Certificates.publicKey(of: X509Certificates.parse(der: certificates[0]))
      guard try area.key().pkix == certified.pkix else {
        throw NodeProofError("the key is not that of the certificate in \(certificate)")
      }
    } catch {
      throw unusable("\(error)")
    }
  }

  private static func blob(_ path: String, _ what: String) throws(TPMFault) -> [UInt8] {
    let read: [UInt8]?
    do { read = try BoundedFile.read(path, limit: maximumBlob) } catch {
      throw TPMFault("cannot load \(what) key: \(error)")
    }
    guard let bytes = read else { throw TPMFault("cannot load \(what) key: open \(path): no such file or directory") }
    return withoutLength(bytes)
  }

  /// The bytes without the length that tpm2-tools write before them (TPM2B). Neither structure can begin with two bytes
  /// that say how much follows: a public area begins with the number of its key's type (1 or 0x23), a private one with
  /// the length of its first member.
  static func withoutLength(_ bytes: [UInt8]) -> [UInt8] {
    guard bytes.count > 2, Int(bytes[0]) << 8 | Int(bytes[1]) == bytes.count - 2 else { return bytes }
    return Array(bytes[2...])
  }
}

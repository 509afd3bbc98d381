import Crypto
import Foundation
import SPIFFE

/// A certificate that is written byte by byte, so that it can break one rule and keep all others. What a library for
/// certificates would refuse to make.
struct RawCertificate {
  struct Extension {
    let oid: [UInt8]
    var isCritical = false
    let value: [UInt8]

    static func names(_ uris: [String]) -> Extension {
      let names: [(UInt8, [UInt8])] = uris.map { (6, Array($0.utf8)) }
      return Self.names(names)
    }

    /// - Parameter names: number of the kind (2 DNS, 6 URI), and the bytes.
    static func names(_ names: [(UInt8, [UInt8])]) -> Extension {
      Extension(
        oid: [0x55, 0x1D, 0x11],
        value: RawCertificate.der { list in
          list.sequence { for (kind, text) in names { $0.primitive(DERTag.context(kind), text) } }
        })
    }

    static let leafUsage = Extension(oid: [0x55, 0x1D, 0x0F], isCritical: true, value: [0x03, 0x02, 0x07, 0x80])
    static let signerUsage = Extension(oid: [0x55, 0x1D, 0x0F], isCritical: true, value: [0x03, 0x02, 0x02, 0x04])
    static let isNoCA = Extension(oid: [0x55, 0x1D, 0x13], isCritical: true, value: [0x30, 0x00])
    static let isCA = Extension(oid: [0x55, 0x1D, 0x13], isCritical: true, value: [0x30, 0x03, 0x01, 0x01, 0xFF])
  }

  static let ecdsaWithSHA256: [UInt8] = [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02]
  static let ecPublicKey: [UInt8] = [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01]
  /// A time at which all of them are valid.
  static let time = Date(timeIntervalSince1970: 1_800_000_000)

  /// The contents of the number.
  var serial: [UInt8] = [0x01]
  var issuer = "root"
  var subject = "leaf"
  /// A SubjectPublicKeyInfo.
  var key: [UInt8]
  var extensions: [Extension]
  /// What the signed part says of the signature, as encoded; and what stands beside it.
  var algorithm = RawCertificate.identifier(RawCertificate.ecdsaWithSHA256)
  var outerAlgorithm: [UInt8]?

  init(key: P256.Signing.PublicKey, subject: String = "leaf", extensions: [Extension]) {
    self.key = Array(key.derRepresentation)
    self.subject = subject
    self.extensions = extensions
  }

  /// A leaf with these URIs.
  static func leaf(_ uris: [String] = ["spiffe://example.org/web"]) -> RawCertificate {
    RawCertificate(
      key: P256.Signing.PrivateKey().publicKey, extensions: [.leafUsage, .isNoCA, .names(uris)])
  }

  static func authority(_ subject: String, _ key: P256.Signing.PublicKey) -> RawCertificate {
    RawCertificate(key: key, subject: subject, extensions: [.signerUsage, .isCA])
  }

  func signed(by signer: P256.Signing.PrivateKey) throws -> [UInt8] {
    try signed { try Array(signer.signature(for: $0).derRepresentation) }
  }

  func signed(_ sign: (Data) throws -> [UInt8]) rethrows -> [UInt8] {
    let body = signedPart
    let signature = try sign(Data(body))
    return Self.der {
      $0.sequence {
        $0.raw(body)
        $0.raw(outerAlgorithm ?? algorithm)
        $0.bitString(signature)
      }
    }
  }

  private var signedPart: [UInt8] {
    Self.der {
      $0.sequence {
        $0.element(DERTag.constructedContext(0)) { $0.primitive(DERTag.integer, [0x02]) }
        $0.primitive(DERTag.integer, serial)
        $0.raw(algorithm)
        $0.raw(Self.name(issuer))
        $0.sequence {
          $0.primitive(DERTag.utcTime, Array("200101000000Z".utf8))
          $0.primitive(DERTag.utcTime, Array("490101000000Z".utf8))
        }
        $0.raw(Self.name(subject))
        $0.raw(key)
        $0.element(DERTag.constructedContext(3)) {
          $0.sequence {
            for item in extensions {
              $0.sequence {
                $0.primitive(DERTag.objectIdentifier, item.oid)
                if item.isCritical { $0.boolean(true) }
                $0.primitive(DERTag.octetString, item.value)
              }
            }
          }
        }
      }
    }
  }

  /// An AlgorithmIdentifier.
  static func identifier(_ oid: [UInt8], parameters: [UInt8] = []) -> [UInt8] {
    der {
      $0.sequence {
        $0.primitive(DERTag.objectIdentifier, oid)
        $0.raw(parameters)
      }
    }
  }

  /// A SubjectPublicKeyInfo.
  static func publicKey(_ identifier: [UInt8], _ bits: [UInt8]) -> [UInt8] {
    der {
      $0.sequence {
        $0.raw(identifier)
        $0.bitString(bits)
      }
    }
  }

  private static func name(_ common: String) -> [UInt8] {
    der {
      $0.sequence {
        $0.element(DERTag.set) {
          $0.sequence {
            $0.primitive(DERTag.objectIdentifier, [0x55, 0x04, 0x03])
            $0.primitive(DERTag.utf8String, Array(common.utf8))
          }
        }
      }
    }
  }

  static func der(_ write: (inout DERWriter) -> Void) -> [UInt8] {
    var writer = DERWriter()
    write(&writer)
    return writer.bytes
  }
}

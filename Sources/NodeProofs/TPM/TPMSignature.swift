package import SPIFFE

/// A signature as a TPM makes it (TPMT_SIGNATURE, Part 2 §11.3.4): RSASSA, RSAPSS or ECDSA.
package struct TPMSignature: Equatable, Sendable {
  package enum Value: Equatable, Sendable {
    case rsassa([UInt8])
    case rsapss([UInt8])
    /// Big endian.
    case ecdsa(r: [UInt8], s: [UInt8])
  }

  package let value: Value
  package let hash: TPMHash

  /// Reads a structure without a length before it; nothing may follow.
  package init(_ bytes: [UInt8]) throws(NodeProofError) {
    var reader = TPMReader(bytes)
    let algorithm = try reader.number16()
    guard [TPMAlgorithm.rsassa, TPMAlgorithm.rsapss, TPMAlgorithm.ecdsa].contains(algorithm) else {
      throw NodeProofError("tpm: unsupported signature algorithm \(TPMAlgorithm.text(algorithm))")
    }
    hash = try TPMHash(try reader.number16(), of: "the signature")
    switch algorithm {
    case TPMAlgorithm.ecdsa:
      value = .ecdsa(
        r: try reader.sized("a number", atMost: 66), s: try reader.sized("a number", atMost: 66))
    default:
      let bytes = try reader.sized("the signature", atMost: TPMPublic.maximumRSAKeySize / 8)
      value = algorithm == TPMAlgorithm.rsassa ? .rsassa(bytes) : .rsapss(bytes)
    }
    try reader.finish()
  }

  /// The signature as X.509 has it: of RSA its bytes, of ECDSA the DER of both numbers.
  package var x509: [UInt8] {
    switch value {
    case .rsassa(let bytes), .rsapss(let bytes): return bytes
    case .ecdsa(let r, let s):
      var writer = DERWriter()
      writer.sequence {
        $0.integer(magnitude: r)
        $0.integer(magnitude: s)
      }
      return writer.bytes
    }
  }

  /// Whether the private half of `key` made it over `message`. RSAPSS is not what certificates and attestations here use.
  package func isValid(for message: [UInt8], key: PublicKey) -> Bool {
    switch (value, key.keyType) {
    case (.rsassa, .rsa), (.ecdsa, .ecP256), (.ecdsa, .ecP384), (.ecdsa, .ecP521):
      key.isValidX509Signature(x509, for: message, digest: hash.digest)
    default: false
    }
  }
}

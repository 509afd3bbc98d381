import Keys
import SPIFFE

/// Signs JWT-SVIDs and WIT-SVIDs with an authority of their kind. P-256 keys sign on the caller's thread, others elsewhere.
struct JWTSigner: Sendable {
  let key: JWTKey

  nonisolated(nonsending) func sign(_ claims: ValidatedClaims) async throws(AuthorityError) -> String {
    let input = JWTSVIDEncoder.signingInput(prefix: key.tokenPrefix, claims: claims.claims)
    do {
      let managed = key.key
      let signing = CertificateSignature(key: managed.type).signing
      let signature =
        managed.signsInline
        ? try managed.signNow(input, algorithm: signing) : try await managed.sign(input, algorithm: signing)
      return JWTSVIDEncoder.token(signingInput: input, signature: try Self.jose(signature, type: managed.type))
    } catch {
      throw AuthorityError(.internal, "unable to sign \(key.kind.rawValue) SVID: \(error)", cause: error)
    }
  }

  /// JOSE wants r and s of fixed length where X.509 has a DER sequence (RFC 7518 §3.4).
  private static func jose(_ signature: [UInt8], type: KeyType) throws(AuthorityError) -> [UInt8] {
    let size: Int
    switch type {
    case .rsa2048, .rsa4096: return signature
    case .ecP256: size = 32
    case .ecP384: size = 48
    }
    var outer = DERReader(signature[...])
    guard var numbers = outer.inside(DERTag.sequence), let r = numbers.next(DERTag.integer)?.contents,
      let s = numbers.next(DERTag.integer)?.contents
    else { throw AuthorityError(.internal, "the key manager's ECDSA signature is not DER") }
    var raw: [UInt8] = []
    raw.reserveCapacity(2 * size)
    for number in [r, s] {
      let digits = number.drop { $0 == 0 }
      guard digits.count <= size else {
        throw AuthorityError(.internal, "the key manager's ECDSA signature is too long for its curve")
      }
      raw.append(contentsOf: repeatElement(0, count: size - digits.count))
      raw.append(contentsOf: digits)
    }
    return raw
  }
}

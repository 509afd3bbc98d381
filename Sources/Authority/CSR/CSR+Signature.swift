import SPIFFE

extension CSR {
  /// Checks that whoever made the request has the private key.
  ///
  /// - Throws: ``AuthorityError`` (invalidArgument) when the signature does not match or its algorithm is not one of
  ///   ECDSA or RSA PKCS #1 v1.5 with SHA-256, SHA-384 or SHA-512.
  package func verifySignature() throws(AuthorityError) {
    let digest: DigestAlgorithm
    let isForRSA: Bool
    switch signatureAlgorithm {
    case .ecdsaWithSHA256: (digest, isForRSA) = (.sha256, false)
    case .ecdsaWithSHA384: (digest, isForRSA) = (.sha384, false)
    case .ecdsaWithSHA512: (digest, isForRSA) = (.sha512, false)
    case .sha256WithRSA: (digest, isForRSA) = (.sha256, true)
    case .sha384WithRSA: (digest, isForRSA) = (.sha384, true)
    case .sha512WithRSA: (digest, isForRSA) = (.sha512, true)
    default:
      throw AuthorityError(
        .invalidArgument, "certificate request has an unsupported signature algorithm \(signatureAlgorithm)")
    }
    // With the key that parsing the request has made: it is not read again.
    guard isForRSA == publicKey.isRSA, publicKey.isValidX509Signature(signature, for: signedPart, digest: digest) else {
      throw AuthorityError(.invalidArgument, "certificate request's signature does not match its public key")
    }
  }
}

extension PublicKey {
  fileprivate var isRSA: Bool { if case .rsa = keyType { true } else { false } }
}

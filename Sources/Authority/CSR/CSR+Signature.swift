import Crypto
import CryptoExtras
import FoundationEssentials
import SPIFFE

extension CSR {
  /// Checks that whoever made the request has the private key.
  ///
  /// - Throws: ``AuthorityError`` (invalidArgument) when the signature does not match or its algorithm is not one of
  ///   ECDSA or RSA PKCS #1 v1.5 with SHA-256, SHA-384 or SHA-512.
  package func verifySignature() throws(AuthorityError) {
    let valid: Bool
    switch signatureAlgorithm {
    case .ecdsaWithSHA256, .sha256WithRSA: valid = isValid(SHA256.hash(data: signedPart))
    case .ecdsaWithSHA384, .sha384WithRSA: valid = isValid(SHA384.hash(data: signedPart))
    case .ecdsaWithSHA512, .sha512WithRSA: valid = isValid(SHA512.hash(data: signedPart))
    default:
      throw AuthorityError(
        .invalidArgument, "certificate request has an unsupported signature algorithm \(signatureAlgorithm)")
    }
    guard valid else {
      throw AuthorityError(.invalidArgument, "certificate request's signature does not match its public key")
    }
  }

  private var isSignedWithRSA: Bool {
    [OID.sha256WithRSA, .sha384WithRSA, .sha512WithRSA].contains(signatureAlgorithm)
  }

  private func isValid(_ digest: some Digest) -> Bool {
    do {
      switch publicKey.keyType {
      case .rsa:
        guard isSignedWithRSA else { return false }
        let key = try _RSA.Signing.PublicKey(derRepresentation: publicKey.pkix)
        return key.isValidSignature(
          _RSA.Signing.RSASignature(rawRepresentation: signature), for: digest, padding: .insecurePKCS1v1_5)
      case .ecP256:
        let key = try P256.Signing.PublicKey(x963Representation: publicKey.subjectPublicKey)
        return try !isSignedWithRSA && key.isValidSignature(.init(derRepresentation: signature), for: digest)
      case .ecP384:
        let key = try P384.Signing.PublicKey(x963Representation: publicKey.subjectPublicKey)
        return try !isSignedWithRSA && key.isValidSignature(.init(derRepresentation: signature), for: digest)
      case .ecP521:
        let key = try P521.Signing.PublicKey(x963Representation: publicKey.subjectPublicKey)
        return try !isSignedWithRSA && key.isValidSignature(.init(derRepresentation: signature), for: digest)
      }
    } catch {
      return false
    }
  }
}

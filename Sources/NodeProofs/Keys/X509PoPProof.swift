import Crypto
import CryptoExtras
import FoundationEssentials
package import SPIFFE

/// Whether an agent has the private half of a certificate's key (server-plugins §4.1). RSA takes long: off the event loops.
package enum X509PoPProof {
  /// The challenge for a key of this kind.
  package static func challenge(for key: PublicKey) -> X509PoPMessages.Challenge {
    let nonce = ProofNonces.random()
    return if case .rsa = key.keyType { .init(rsa: nonce) } else { .init(ecdsa: nonce) }
  }

  /// Throws unless `response` is the answer to `challenge` of whoever has the private half of `key`.
  package static func verify(
    _ response: X509PoPMessages.Response, to challenge: X509PoPMessages.Challenge, key: PublicKey
  ) throws(NodeProofError) {
    if case .rsa = key.keyType {
      guard let asked = challenge.rsa else { throw NodeProofError("expecting RSA challenge") }
      guard let proof = response.rsa else { throw NodeProofError("expecting RSA response") }
      let nonces = try ProofNonces(challenge: asked, response: proof.nonce)
      guard let rsa = try? _RSA.Signing.PublicKey(derRepresentation: key.pkix),
        PSSSignature.isValid(proof.signature, for: Array(SHA256.hash(data: nonces.joined)), key: rsa)
      else { throw NodeProofError("RSA signature verify failed") }
      return
    }
    guard let asked = challenge.ecdsa else { throw NodeProofError("expecting ECDSA challenge") }
    guard let proof = response.ecdsa else { throw NodeProofError("expecting ECDSA response") }
    let nonces = try ProofNonces(challenge: asked, response: proof.nonce)
    let digest = SHA256.hash(data: nonces.joined)
    let point = key.subjectPublicKey
    let isValid =
      switch key.keyType {
      case .ecP256:
        ECDSANumbers(proof.r, proof.s, size: 32).flatMap { try? P256.Signing.ECDSASignature(rawRepresentation: $0.raw) }
          .flatMap { made in try? P256.Signing.PublicKey(x963Representation: point).isValidSignature(made, for: digest)
          }
      case .ecP384:
        ECDSANumbers(proof.r, proof.s, size: 48).flatMap { try? P384.Signing.ECDSASignature(rawRepresentation: $0.raw) }
          .flatMap { made in try? P384.Signing.PublicKey(x963Representation: point).isValidSignature(made, for: digest)
          }
      case .ecP521:
        ECDSANumbers(proof.r, proof.s, size: 66).flatMap { try? P521.Signing.ECDSASignature(rawRepresentation: $0.raw) }
          .flatMap { made in try? P521.Signing.PublicKey(x963Representation: point).isValidSignature(made, for: digest)
          }
      case .rsa: Bool?.none
      }
    guard isValid == true else { throw NodeProofError("ECDSA signature verify failed") }
  }
}

/// The two numbers of an ECDSA signature, brought to the length of the curve's coordinates.
struct ECDSANumbers {
  let raw: [UInt8]

  /// nil if a number is longer than `size` bytes.
  init?(_ r: some Collection<UInt8>, _ s: some Collection<UInt8>, size: Int) {
    let numbers = [Array(r.drop { $0 == 0 }), Array(s.drop { $0 == 0 })]
    guard numbers.allSatisfy({ !$0.isEmpty && $0.count <= size }) else { return nil }
    raw = numbers.flatMap { [UInt8](repeating: 0, count: size - $0.count) + $0 }
  }
}

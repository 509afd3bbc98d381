import Crypto
import CryptoExtras
import Foundation
import Mutations
import NodeProofTesting
import SPIFFE
import Testing

@testable import NodeProofs

/// Proofs of possession: recorded ones of other implementations are taken, ours are too, everything else is refused.
@Suite struct ProofTests {
  private func key(_ kind: String) throws -> PublicKey {
    try X509Certificates.publicKey(
      of: X509Certificates.parse(der: NodeProofFixtures.der("x509pop/node-\(kind).pem")))
  }

  private func verify(_ name: String, _ key: PublicKey, nonce: [UInt8] = NodeProofFixtures.challengeNonce) throws {
    let response = try X509PoPMessages.Response(NodeProofFixtures.message(name))
    try X509PoPProof.verify(response, to: .init(rsa: nonce, ecdsa: nonce), key: key)
  }

  /// openssl's signatures; upstream's agents sign with the longest salt.
  @Test(arguments: ["rsa-salt-max", "rsa-salt-digest", "rsa-salt-0", "ec256", "ec384", "ec521"])
  func recordedX509PoP(_ name: String) throws {
    let own = try key(name.hasPrefix("rsa") ? "rsa" : name)
    try verify("x509pop-response-\(name)", own)
    // For another number, by another key: refused.
    #expect(throws: NodeProofError.self) {
      try verify("x509pop-response-\(name)", own, nonce: [UInt8](repeating: 1, count: 32))
    }
    for other in ["rsa", "ec256", "ec384", "ec521"] where !name.hasPrefix(other) {
      #expect(throws: NodeProofError.self) { try verify("x509pop-response-\(name)", key(other)) }
    }
  }

  @Test(arguments: ["rsa", "ec256", "ec384", "ec521"]) func ourX509PoP(_ kind: String) throws {
    let secret = try ProofKey(der: NodeProofFixtures.der("x509pop/node-\(kind).key"))
    let own = try key(kind)
    #expect(secret.pkix == own.pkix)
    for _ in 0..<4 {
      let challenge = X509PoPProof.challenge(for: own)
      #expect((kind == "rsa") == (challenge.rsa != nil) && (kind == "rsa") == (challenge.ecdsa == nil))
      let response = try secret.answer(challenge)
      try X509PoPProof.verify(X509PoPMessages.Response(response.encoded), to: challenge, key: own)
      // The answer to one challenge is none to the next.
      #expect(throws: NodeProofError.self) {
        try X509PoPProof.verify(response, to: X509PoPProof.challenge(for: own), key: own)
      }
    }
    #expect(throws: NodeProofError.self) {
      try secret.answer(kind == "rsa" ? .init(ecdsa: ProofNonces.random()) : .init(rsa: ProofNonces.random()))
    }
  }

  @Test func noncesHaveOneLength() throws {
    let secret = try ProofKey(der: NodeProofFixtures.der("x509pop/node-ec256.key"))
    for size in [0, 31, 33, 64] {
      #expect(throws: NodeProofError("invalid challenge nonce")) {
        try secret.answer(.init(ecdsa: [UInt8](repeating: 0, count: size)))
      }
      let answer = X509PoPMessages.Response(
        ecdsa: .init(nonce: [UInt8](repeating: 0, count: size), r: [1], s: [1]))
      #expect(throws: NodeProofError("invalid response nonce")) {
        try X509PoPProof.verify(answer, to: .init(ecdsa: ProofNonces.random()), key: key("ec256"))
      }
    }
  }

  @Test func impossibleSignaturesAreRefused() throws {
    let rsa = try key("rsa")
    let nonce = NodeProofFixtures.responseNonce
    let challenge = X509PoPMessages.Challenge(
      rsa: NodeProofFixtures.challengeNonce, ecdsa: NodeProofFixtures.challengeNonce)
    for signature in [
      [], [0], [UInt8](repeating: 0, count: 256), [UInt8](repeating: 0xFF, count: 256),
      [UInt8](repeating: 1, count: 257), [UInt8](repeating: 1, count: 100_000),
    ] {
      #expect(throws: NodeProofError("RSA signature verify failed")) {
        try X509PoPProof.verify(.init(rsa: .init(nonce: nonce, signature: signature)), to: challenge, key: rsa)
      }
    }
    for (r, s) in [
      ([], []), ([0], [0]), ([1], [UInt8](repeating: 0xFF, count: 33)), ([UInt8](repeating: 0xFF, count: 32), [1]),
    ]
      as [([UInt8], [UInt8])]
    {
      #expect(throws: NodeProofError("ECDSA signature verify failed")) {
        try X509PoPProof.verify(
          .init(ecdsa: .init(nonce: nonce, r: r, s: s)), to: challenge, key: key("ec256"))
      }
    }
  }

  /// Our arithmetic against the library's, for moduli of all lengths modulo 8 and salts as long as the digest.
  @Test(arguments: [2048, 2056, 3072, 4096]) func pssAgreesWithTheLibrary(_ bits: Int) throws {
    let secret = try _RSA.Signing.PrivateKey(unsafeKeySize: .init(bitCount: bits))
    let digest = SHA256.hash(data: Array("message".utf8))
    for _ in 0..<3 {
      let signature = Array(try secret.signature(for: digest, padding: .PSS).rawRepresentation)
      #expect(PSSSignature.isValid(signature, for: Array(digest), key: secret.publicKey))
      for place in [0, 1, signature.count / 2, signature.count - 1] {
        var changed = signature
        changed[place] ^= 1
        #expect(!PSSSignature.isValid(changed, for: Array(digest), key: secret.publicKey))
      }
      #expect(!PSSSignature.isValid(signature, for: Array(SHA256.hash(data: [1])), key: secret.publicKey))
    }
  }

  @Test func powers() throws {
    // 3^5 mod 2^89-1, and numbers by hand.
    let modulus: [UInt8] = [1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255]
    let power = try #require(ModularPower(modulus: modulus))
    #expect(power.power([3], 5, size: 12) == [UInt8](repeating: 0, count: 11) + [243])
    #expect(power.power([2], 89, size: 12) == [UInt8](repeating: 0, count: 11) + [1])
    #expect(power.power([2], 90, size: 2) == [0, 2])
    #expect(power.power(modulus, 3, size: 12) == nil)
    #expect(power.power([2], 0, size: 12) == nil)
    #expect(ModularPower(modulus: [4]) == nil && ModularPower(modulus: []) == nil && ModularPower(modulus: [1]) == nil)
    #expect(ModularPower(modulus: [UInt8](repeating: 1, count: 1025)) == nil)
  }

  @Test func mutatedMessagesDoNoHarm() throws {
    for name in [
      "x509pop-payload-ec256", "x509pop-response-rsa-salt-max", "sshpop-response-ecdsa384", "sshpop-payload-rsa",
      "tpm_devid-payload-ec256", "tpm_devid-challenge", "tpm_devid-response-ec256",
    ] {
      for bytes in Mutations(of: try NodeProofFixtures.message(name), count: 300) {
        _ = try? X509PoPMessages.Payload(bytes)
        _ = try? X509PoPMessages.Challenge(bytes)
        _ = try? X509PoPMessages.Response(bytes)
        _ = try? SSHPoPMessages.Response(bytes)
        _ = try? HTTPChallengeMessages.Payload(bytes)
        _ = try? TPMDevIDMessages.Payload(bytes)
        _ = try? TPMDevIDMessages.Challenge(bytes)
        _ = try? TPMDevIDMessages.Response(bytes)
        if let wire = try? SSHPoPMessages.Payload(bytes).certificate { _ = try? SSHCertificate(wire: wire) }
      }
    }
  }
}

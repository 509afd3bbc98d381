/// That a key is in the same TPM as an attestation key. Only ``init(of:attestation:signature:by:)`` makes one: it checks
/// the signature, and that the attestation key is one whose signature means something.
package struct TPMCertification: Sendable {
  /// What an attestation key has to be. Without `restricted` it signs anything, attestations that somebody wrote
  /// included; without the others its private half may be known outside of a TPM.
  package static let attestationKey: TPMAttributes = [.resident, .restricted, .sign]

  /// The key that is in the TPM.
  package let certified: TPMPublic
  /// Its name is what a credential has to be made for.
  package let attestationKey: TPMPublic

  /// Texts are upstream's where upstream refuses too. RSA takes long: off the event loops.
  package init(
    of key: TPMPublic, attestation: [UInt8], signature: [UInt8], by attestationKey: TPMPublic
  ) throws(NodeProofError) {
    guard attestationKey.isRSA else { throw NodeProofError("only RSA keys are supported") }
    let rsa = try attestationKey.key()
    guard attestationKey.attributes.contains(.sign) else { throw NodeProofError("not a signing key") }
    guard let scheme = attestationKey.scheme, scheme.algorithm == TPMAlgorithm.rsassa else {
      throw NodeProofError("the attestation key does not sign with RSASSA")
    }
    let missing = Self.attestationKey.subtracting(attestationKey.attributes)
    guard missing.isEmpty else {
      throw NodeProofError("the attestation key lacks the attributes \(missing.names.joined(separator: ", "))")
    }
    guard !attestationKey.attributes.contains(.decrypt) else {
      throw NodeProofError("the attestation key is for decryption too")
    }
    let signed = try TPMSignature(signature)
    guard case .rsassa = signed.value, signed.hash.rawValue == scheme.hash else {
      throw NodeProofError("the signature is not of the attestation key's scheme")
    }
    guard signed.isValid(for: attestation, key: rsa) else { throw NodeProofError("crypto/rsa: verification error") }
    let statement = try TPMAttestation(attestation)
    guard try statement.name == key.name() else { throw NodeProofError("certify failed") }
    let elsewhere = TPMAttributes.resident.subtracting(key.attributes)
    guard elsewhere.isEmpty else {
      throw NodeProofError(
        "the DevID key lacks the attributes \(elsewhere.names.joined(separator: ", ")): it may be known elsewhere")
    }
    certified = key
    self.attestationKey = attestationKey
  }
}

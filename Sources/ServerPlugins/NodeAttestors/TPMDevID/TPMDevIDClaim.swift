import FoundationEssentials
import NodeProofs
import SPIFFE

/// What a node says about its TPM, as far as it can be checked without asking: an endorsement certificate of a trusted
/// manufacturer, and an attestation key that certified the DevID key of a trusted certificate. That all of it is in one
/// TPM, and that the agent reaches it, is what ``TPMDevIDChallenge`` asks. A value.
struct TPMDevIDClaim: Sendable {
  let chain: VerifiedX509Chain
  /// The certificate's key, which is the one that was certified.
  let key: PublicKey
  let certification: TPMCertification
  /// The key of the verified endorsement certificate, with the parameters that the agent sent.
  let endorsementKey: TPMPublic

  /// The checks, their order and their texts are upstream's; it does not compare the DevID key of the TPM with the
  /// certificate's, nor look at the attributes of keys.
  init(
    _ payload: TPMDevIDMessages.Payload, chain: VerifiedX509Chain, endorsement: X509ChainVerifier, at now: Date
  ) throws(ServerPluginError) {
    try Self.checkPresence(payload)
    let ekKey = try Self.key(ofEndorsement: payload.ekCertificate)
    let devID = try Self.decode(payload.devIDPublic, "DevID key")
    let attestationKey = try Self.decode(payload.akPublic, "attestation key")
    guard let ek = try? TPMPublic(payload.ekPublic) else {
      throw ServerPluginError(.invalidArgument, "cannot decode endorsement key public blob")
    }
    try Self.checkMatch(ekKey, ek)
    do { _ = try endorsement.verify(leaf: payload.ekCertificate, intermediates: [], at: now) } catch {
      throw ServerPluginError(
        .invalidArgument,
        "cannot verify EK signature: endorsement certificate verification failed: \(error)", cause: error)
    }
    do {
      certification = try TPMCertification(
        of: devID, attestation: payload.certifiedDevID, signature: payload.certificationSignature, by: attestationKey)
    } catch {
      throw ServerPluginError(
        .invalidArgument, "cannot verify that DevID is in the same TPM than AK: \(error)", cause: error)
    }
    key = try Self.certifiedKey(chain, devID)
    self.chain = chain
    endorsementKey = ek
  }

  private static func checkPresence(_ payload: TPMDevIDMessages.Payload) throws(ServerPluginError) {
    for (bytes, what) in [
      (payload.akPublic, "attestation key public blob"), (payload.devIDPublic, "DevID key public blob"),
      (payload.ekCertificate, "endorsement certificate"), (payload.ekPublic, "endorsement key public blob"),
    ] where bytes.isEmpty {
      throw ServerPluginError(.invalidArgument, "missing \(what)")
    }
  }

  private static func decode(_ bytes: [UInt8], _ what: String) throws(ServerPluginError) -> TPMPublic {
    do { return try TPMPublic(bytes) } catch {
      throw ServerPluginError(.invalidArgument, "cannot decode \(what) public blob: \(error)", cause: error)
    }
  }

  /// The endorsement certificate's key; nil for one of another kind than EC and RSA.
  private static func key(ofEndorsement der: [UInt8]) throws(ServerPluginError) -> PublicKey? {
    do {
      let certificate = try X509Certificates.parse(der: der)
      return try? X509Certificates.publicKey(of: certificate)
    } catch {
      throw ServerPluginError(.invalidArgument, "cannot parse endorsement certificate: \(error)", cause: error)
    }
  }

  /// Both are one RSA key.
  private static func checkMatch(_ certified: PublicKey?, _ sent: TPMPublic) throws(ServerPluginError) {
    func differ(_ why: String) -> ServerPluginError {
      ServerPluginError(
        .invalidArgument, "public key in EK certificate differs from public key created via EK template: \(why)")
    }
    guard let certified, case .rsa = certified.keyType else {
      throw differ("key from certificate is not an RSA key")
    }
    let key: PublicKey
    do { key = try sent.key() } catch { throw differ("cannot get template key: \(error)") }
    guard sent.isRSA else { throw differ("key from template is not an RSA key") }
    guard key == certified else { throw differ("modulus or exponent mismatch") }
  }

  /// The key that the DevID certificate and the TPM speak of.
  private static func certifiedKey(
    _ chain: VerifiedX509Chain, _ devID: TPMPublic
  ) throws(ServerPluginError) -> PublicKey {
    let (certificate, sent): (PublicKey, PublicKey)
    do {
      certificate = try X509Certificates.publicKey(of: chain.leaf)
      sent = try devID.key()
    } catch {
      throw ServerPluginError(.invalidArgument, "DevID key cannot be used: \(error)", cause: error)
    }
    guard certificate == sent else {
      throw ServerPluginError(
        .invalidArgument, "public key in DevID certificate differs from the DevID key that the TPM certified")
    }
    return sent
  }
}

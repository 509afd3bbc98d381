public import FoundationEssentials

/// A WIT-SVID whose signature and lifetime were valid when it was checked.
///
/// Only ``WITSVIDValidator`` makes one. It authenticates nobody by itself: whoever presents it must also prove that it
/// holds ``confirmationKey`` (WIT-SVID §5 and §7.1), with a signature over something that the verifier knows to be fresh
/// and meant for it; see ``isSignedByHolder(_:message:)``.
public struct WITSVID: Sendable {
  /// The token as it was given.
  public let token: String
  /// The subject.
  public let id: SPIFFEID
  /// The key whose possession its holder has to prove.
  public let confirmationKey: PublicKey
  /// What ``confirmationKey`` signs with; no other algorithm is a proof.
  public let confirmationAlgorithm: JWSAlgorithm
  public let expiry: Date
  public let issuedAt: Date?
  /// All claims.
  public let claims: JSONObject

  init(verified svid: UnverifiedWITSVID) {
    token = svid.token
    id = svid.id
    confirmationKey = svid.confirmationKey
    confirmationAlgorithm = svid.confirmationAlgorithm
    expiry = svid.expiry
    issuedAt = svid.issuedAt
    claims = svid.claims
  }

  /// Whether `signature` over `message` was made with the private half of ``confirmationKey``.
  ///
  /// ES signatures are r and s one after the other, each as long as a coordinate (RFC 7518 §3.4). That the message is
  /// fresh, and names the verifier, is for the protocol to see to.
  public func isSignedByHolder(_ signature: some Collection<UInt8>, message: some Collection<UInt8>) -> Bool {
    confirmationKey.isValidSignature(signature, for: message, algorithm: confirmationAlgorithm)
  }

  /// Whether a compact JWS, for instance a WIMSE proof token, was signed with the private half of ``confirmationKey``.
  /// Type and claims of the JWS are for the protocol to look at.
  public func isSignedByHolder(_ proof: CompactJWS) -> Bool {
    proof.algorithm == confirmationAlgorithm && proof.isSigned(by: confirmationKey)
  }
}

package import FoundationEssentials
import Keys
package import SPIFFE

/// A WIT-SVID of a workload with its private key. A value; it is kept in memory only.
package struct BoundWITSVID: CachedToken, Hashable {
  package let id: SPIFFEID
  package let token: String
  /// The private half of the token's confirmation key, a JSON Web Key.
  package let privateKey: String
  package let keyID: String?
  package let issuedAt: Date
  package let expiresAt: Date
  /// From when on it is to be replaced.
  package let rotationTime: Date
  /// The entry's state that it was issued for.
  package let revisionNumber: Int64
  package let createdAt: Int64

  /// Checks that the token is what was asked for: this identity, this key.
  init(
    entry: AgentEntry, token: String, key: SoftwareKey, algorithm: JWSAlgorithm, now: Date, policy: RotationPolicy,
    random: Randomness
  ) throws(AgentError) {
    let svid: UnverifiedWITSVID
    do { svid = try WITSVIDValidator.parseUnverified(token) } catch {
      throw AgentError(.malformed, "the server issued a WIT-SVID that cannot be read: \(error.message)", cause: error)
    }
    guard svid.id == entry.spiffeID else {
      throw AgentError(.malformed, "the WIT-SVID is for \"\(svid.id)\", not for \"\(entry.spiffeID)\"")
    }
    guard svid.confirmationKey == key.publicKey, svid.confirmationAlgorithm == algorithm else {
      throw AgentError(.malformed, "the WIT-SVID of \"\(svid.id)\" is for another key than the one requested")
    }
    id = svid.id
    self.token = token
    privateKey = key.privateJWK(algorithm: algorithm)
    keyID = svid.keyID
    issuedAt = svid.issuedAt ?? now
    expiresAt = svid.expiry
    rotationTime = policy.rotationTime(notBefore: issuedAt, notAfter: expiresAt, random)
    revisionNumber = entry.revisionNumber
    createdAt = entry.createdAt
  }

  /// Whether it was issued for this state of the entry.
  func isCurrent(for entry: AgentEntry) -> Bool {
    revisionNumber == entry.revisionNumber && createdAt == entry.createdAt
  }
}

package import FoundationEssentials
import SPIFFE

/// A token that the agent keeps and hands out until it is time for another.
package protocol CachedToken: Sendable {
  var issuedAt: Date { get }
  var expiresAt: Date { get }
  /// The key that is said to have signed it; nil when that cannot be read.
  var keyID: String? { get }
}

extension IssuedJWTSVID: CachedToken {
  package var keyID: String? { try? JWTSVIDValidator.parseUnverified(token).keyID }
}

package import DatastoreAPI
package import SPIFFE

/// Where the present bundle of a federated trust domain is fetched from. ``HTTPSBundleEndpoint`` is the real one; tests
/// bring others.
package protocol BundleEndpoint: Sendable {
  /// Fetches the bundle that the endpoint of `relationship` serves now.
  ///
  /// - Parameter bundle: the present bundle of the endpoint's own trust domain, which SPIFFE authentication verifies
  ///   against; nil for web authentication.
  /// - Throws: ``FederationError`` with upstream's words.
  func fetch(
    _ relationship: FederationRelationship, authorities bundle: Bundle?
  ) async throws(FederationError) -> Bundle
}

/// Why a federated bundle could not be brought up to date. The text is what the log and the caller of RefreshBundle read.
package struct FederationError: Error, CustomStringConvertible {
  package enum Code: String, CaseIterable, Hashable, Sendable {
    /// The endpoint could not be reached.
    case unreachable
    /// The endpoint did not answer in time, or not all of its answer came in time.
    case timeout
    /// The endpoint is not who it should be.
    case unauthenticated
    /// The answer leads where nobody may be sent, or does not end.
    case redirected
    /// The answer is larger than any bundle.
    case tooLarge = "too_large"
    /// The answer is not a bundle.
    case malformed
    /// The answer is the bundle of another trust domain.
    case otherTrustDomain = "other_trust_domain"
    /// The answer is older than what is stored.
    case outdated
    /// The datastore failed.
    case datastore

    /// Whether something came from the endpoint, or whoever stands in for it, that was kept out: what is counted.
    var isRefusal: Bool { self != .unreachable && self != .datastore }
  }

  package let code: Code
  package let message: String
  package let cause: (any Error)?

  package init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
    self.code = code
    self.message = message
    self.cause = cause
  }

  func prefixed(_ words: String) -> FederationError {
    FederationError(code, words + ": " + message, cause: cause)
  }

  package var description: String { message }
}

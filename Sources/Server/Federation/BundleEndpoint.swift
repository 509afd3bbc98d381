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
  package enum Code: Hashable, Sendable {
    /// The endpoint could not be reached, or did not answer in time.
    case unreachable
    /// The endpoint is not who it should be.
    case unauthenticated
    /// The answer is not a bundle.
    case invalidAnswer
    /// The datastore failed.
    case datastore
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

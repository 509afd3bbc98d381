package import HTTP

/// What Azure is asked for once for many, and what is kept of it.
package typealias AzureOnce<Key: Hashable & Sendable, Value: Sendable> = AskedOnce<Key, Value, AzureError>

extension AzureError: AskedOnceFailure {
  package var isCancellation: Bool { code == .cancelled }
  package static var tooManyUnderWay: AzureError {
    AzureError(.unavailable, "too many requests are under way already")
  }
}
